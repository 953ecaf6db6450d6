"""The folder and the environment of a process, for processes on other machines that work for it."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# Environment variables that say where weights and voices are.
VARIABLES = ("NUANCED_SPEECH_", "HF_HUB_", "HF_HOME")


@dataclass(frozen=True)
class Surroundings:
    """The folder and the environment variables of a process, for others to work in.

    Attributes:
        folder: current folder, which relative names start from.
        variables: values by name.
    """

    folder: Path
    variables: Mapping[str, str]

    @classmethod
    def here(cls) -> "Surroundings":
        """Those of this process."""
        return cls(Path.cwd(), {name: value for name, value in os.environ.items() if name.startswith(VARIABLES)})

    def enter(self) -> None:
        """Work in them from now on, as far as this machine has the folder."""
        os.environ.update(self.variables)
        if self.folder.is_dir():
            os.chdir(self.folder)
