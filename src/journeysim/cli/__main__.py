"""`python -m journeysim.cli` is the command line."""

from journeysim.cli import main

if __name__ == "__main__":
    main()
