"""``tenfold artist``: plan the words of an image, generate it, and score images by the words on them."""

from __future__ import annotations

import sys

from tenfold import command_line as cli
from tenfold.artist.evaluate_command import EXAMPLE as EVALUATE_EXAMPLE
from tenfold.artist.evaluate_command import evaluate_command
from tenfold.artist.generate_command import EXAMPLE as GENERATE_EXAMPLE
from tenfold.artist.generate_command import generate_command
from tenfold.artist.plan_command import EXAMPLE as PLAN_EXAMPLE
from tenfold.artist.plan_command import plan_command

app = cli.application("Images with words: planned, generated, read.")
app.command("evaluate", epilog=EVALUATE_EXAMPLE)(evaluate_command)
app.command("generate", epilog=GENERATE_EXAMPLE)(generate_command)
app.command("plan", epilog=PLAN_EXAMPLE)(plan_command)

if __name__ == "__main__":
    sys.exit(cli.run(app))
