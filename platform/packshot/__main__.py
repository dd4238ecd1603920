"""The program: `python -m packshot`, and the console script of the same name."""

from packshot.cli import commands


def main() -> None:
    """Run the command that the arguments name."""
    commands(prog_name="packshot")


if __name__ == "__main__":
    main()
