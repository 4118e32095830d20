"""``python -m tests.fuzz``, see ``campaign``; the processes that it starts import that by its name."""

from tests.fuzz.campaign import main

if __name__ == "__main__":
    main()
