import pytest

from domain.ids import JobId, OrgId


def test_an_id_is_its_prefix_and_26_characters() -> None:
    text = str(OrgId.new())

    assert text.startswith("org_")
    assert len(text) == 4 + 26
    assert text == text.lower()


def test_an_id_is_read_back() -> None:
    made = JobId.new()

    assert JobId.parse(str(made)) == made


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = [str(JobId.new()) for _ in range(1000)]

    assert made == sorted(made)


@pytest.mark.parametrize(
    "text",
    ["", "org_", "job_01m823t199exm84e86jsdpq5bw", "org_01M823T199EXM84E86JSDPQ5BW",
     "org_" + "z" * 26,
     "org_01m823t199exm84e86jsdpq5bi", "org_01m823t199exm84e86jsdpq5bw0", "org_\u0660" + "0" * 25],
)  # fmt: skip
def test_anything_else_is_no_id(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        OrgId.parse(text)
