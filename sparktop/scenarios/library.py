"""The scenarios that can be named: those that come with sparktop and the person's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sparktop.model.scenario import Scenario
from sparktop.scenarios.fields import BadScenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A scenario file in the library.

    Attributes:
        name: What is typed to run it.
        path: Its file.
        own: Whether it is the person's own rather than shipped.
        scenario: What it says; None if it is broken.
        error: Why it is broken; empty if it is not.
    """

    name: str
    path: Path
    own: bool
    scenario: Scenario | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Library:
    """Scenario files of two folders; nothing is kept, so that an edited file counts at once.

    Attributes:
        shipped: Folder of the scenarios that come with sparktop.
        user: Folder of the person's own, which need not exist. Its files go before shipped ones
            of the same name, even where they are broken: to run something else than what was
            written would be worse than to say so.
    """

    shipped: Path
    user: Path

    def names(self) -> tuple[str, ...]:
        """Names of all scenarios, broken ones included, in alphabetical order."""
        return tuple(sorted(self._files()))

    def list(self) -> tuple[Entry, ...]:
        """Reads every scenario; a broken one, or a folder that can't be read, is listed with its error."""
        entries = [self._entry(path) for _, path in sorted(self._files().items())]
        for folder in (self.shipped, self.user):
            if error := _files_of(folder)[1]:
                own = folder == self.user
                entries.append(Entry(name=folder.name, path=folder, own=own, scenario=None, error=error))
        return tuple(entries)

    def get(self, name_or_path: str) -> Scenario:
        """Returns one scenario.

        Args:
            name_or_path: A name from `names`, or a file: anything with a slash or ending in ".toml".

        Raises:
            BadScenario: There is none of that name, or it is broken.
        """
        if "/" in name_or_path or name_or_path.endswith(".toml"):
            try:
                path = Path(name_or_path).expanduser()
            except RuntimeError:
                raise BadScenario(f"{name_or_path}: there is no such home folder; name the whole path") from None
            return _load(path)
        files = self._files()
        if found := files.get(name_or_path):
            return _load(found)
        import difflib

        close = difflib.get_close_matches(name_or_path, files, n=1)
        advice = f'did you mean "{close[0]}"?' if close else f"there are {', '.join(sorted(files)) or 'none'}"
        raise BadScenario(f'no scenario is called "{name_or_path}"; {advice}')

    def _files(self) -> dict[str, Path]:
        return _files_of(self.shipped)[0] | _files_of(self.user)[0]

    def _entry(self, path: Path) -> Entry:
        own = path.parent == self.user
        try:
            return Entry(name=path.stem, path=path, own=own, scenario=_load(path))
        except BadScenario as error:
            return Entry(name=path.stem, path=path, own=own, scenario=None, error=str(error))


def _load(path: Path) -> Scenario:
    # Who watches a machine reads no scenario.
    from sparktop.scenarios.loader import load_scenario

    return load_scenario(path)


def _files_of(folder: Path) -> tuple[dict[str, Path], str]:
    """Returns a folder's scenario files by name, and why it could not be listed if so."""
    try:
        paths = [path for path in folder.iterdir() if path.suffix == ".toml" and not path.name.startswith(".")]
    except FileNotFoundError:
        return {}, ""
    except OSError as error:
        return {}, f"{folder}: cannot be listed: {error.strerror or error}"
    return {path.stem: path for path in paths}, ""
