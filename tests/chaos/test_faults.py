"""The planted faults still fit the product: `./packshot soak planted-faults` shows them caught."""

import shutil
from pathlib import Path

import pytest

from chaos.faults import FAULTS, Fault
from chaos.planted_faults import ROOT


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_can_be_planted_and_its_test_is_there(fault: Fault, tmp_path: Path):
    target = tmp_path / fault.file
    target.parent.mkdir(parents=True)
    shutil.copy2(ROOT / fault.file, target)

    fault.plant(tmp_path)

    assert target.read_text() != (ROOT / fault.file).read_text()
    if target.suffix == ".py":
        compile(target.read_text(), fault.file, "exec")
    assert f"def {fault.test}(" in (ROOT / fault.module).read_text()


def test_there_are_the_twelve_that_the_targets_ask_for():
    assert len({fault.name for fault in FAULTS}) >= 12
