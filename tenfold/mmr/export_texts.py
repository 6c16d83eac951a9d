"""The files of an exported task: its YAML, its module and its read-me."""

from __future__ import annotations

TASK = """\
# A task of lmms-eval: python -m lmms_eval --include_path <this folder> --tasks {task} …
task: {task}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: generate_until
doc_to_visual: !function mmr_task.doc_to_visual
doc_to_text: !function mmr_task.doc_to_text
doc_to_target: answer
generation_kwargs:
  max_new_tokens: 128
  temperature: 0
  do_sample: false
process_results: !function mmr_task.process_results
metric_list:
{metrics}metadata:
  - version: 1.0
"""

METRIC = """\
  - metric: {metric}
    aggregation: !function mmr_task.points
    higher_is_better: true
"""

MODULE = '''\
"""What lmms-eval calls for an exported set of items of MMR; points are those of the library tenfold."""

import json
from pathlib import Path

from tenfold.mmr.items import Item, ItemSet
from tenfold.mmr.predictions import prediction_of
from tenfold.mmr.scores import MENDED, OFFICIAL, score

FOLDER = Path(__file__).resolve().parent


def doc_to_visual(doc):
    """Return the item's image, upright and in RGB."""
    from PIL import Image

    from tenfold.mmr.images import load_image

    return [Image.fromarray(load_image(FOLDER / "images" / doc["file"]))]


def doc_to_text(doc, lmms_eval_specific_kwargs=None):
    """Return the user message."""
    return doc["prompt"]


def process_results(doc, results):
    """Return the item's points under the official and the mended scorer, and the official ones in its columns."""
    fields = {name: doc[name] for name in Item.__dataclass_fields__}
    item = Item(**fields | {"also": tuple(json.loads(doc["also"]))})
    items = ItemSet("exported", (item,))
    reply = results[0] if results else None
    official, mended = (score(items, [prediction_of(item.key, reply)], scorer) for scorer in (OFFICIAL, MENDED))
    own = {column for column, most in official.possible().items() if most}
    columns = {name.replace(" ", "_"): points for name, points in official.columns().items() if name in own}
    return {"official_points": official.total, "mended_points": mended.total, **columns}


def points(values):
    """Return the sum: points are counted, not averaged."""
    return float(sum(values))
'''

READ_ME = """\
# {task}: {items} items, {most} points

Items of reading in images, in the form of MMR (Chen et al. 2024), exported by tenfold for lmms-eval:

```sh
pip install tenfold  # or the folder of its source; the points are counted by its scorer
python -m lmms_eval --model … --include_path <this folder> --tasks {task} --batch_size 1
```

| file | what it holds |
| --- | --- |
| `{task}.yaml` | the task; `data_files` names `items.jsonl` by its whole path: correct it after moving the folder |
| `mmr_task.py` | prompt, image and points of an item |
| `items.jsonl` | the items: question, answer, prompt, name of the image's file |
| `images/` | the images |

`official_points` are those of the released scorer, out of {most}; `mended_points` those of the robust parser and a
text score that pays for length; then come the released scorer's columns. All are sums, not shares. A choice ({choices}
items) is answered by its number, a box by shares of the image's sides from 0 to 1.
"""
