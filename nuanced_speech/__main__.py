"""``python -m nuanced_speech`` is the command ``nuanced-speech``."""

from nuanced_speech.cli.app import main

if __name__ == "__main__":
    main()
