"""What is swept away is what nobody refers to, under any profile and at any commit."""

from __future__ import annotations

import re


def test_gc_keeps_every_profile_and_removes_what_is_no_more(project):
    cache = project.root / ".dvc/cache/files/md5"

    def swept(*words: str) -> tuple[int, int]:
        found = re.search(r"(\d+) runs of stages that are no more and (\d+) files", project.flows("gc", *words))
        assert found is not None
        return int(found[1]), int(found[2])

    default = project.digests()
    project.edit("params.yaml", "profile: default", "profile: smoke")
    project.repro()
    project.edit("params.yaml", "profile: smoke", "profile: extended")
    project.repro()
    assert swept() == (0, 2)  # records of copying and of the report, which are always done anew
    stray = cache / "00" / ("0" * 30)
    stray.parent.mkdir(exist_ok=True)
    stray.write_text("nobody's")
    assert swept("--dry") == (0, 1) and stray.is_file()
    assert swept() == (0, 1) and not stray.is_file()
    for folder in ("artifacts", "data/default", "data/smoke"):
        project.run("rm", "-r", folder)
    for profile, before in (("smoke", "extended"), ("default", "smoke")):
        project.edit("params.yaml", f"profile: {before}", f"profile: {profile}")
        assert set(project.repro()) <= {"toy-publish", "report"}
    assert {name: digest for name, digest in project.digests().items() if name in default} == default

    project.edit("flows/toy.py", '("left", "right")', '("left",)')
    project.flows("generate")
    assert swept("--dry")[0] == 3  # the right arm's, of three profiles; its files are in commits still
