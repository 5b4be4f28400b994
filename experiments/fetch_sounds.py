"""Recordings of packages of Debian as 8-bit samples, 8,000 a second: data/COLLECTION/KIND/NAME.ulaw.

    python -m experiments.fetch_sounds                            # announcements and noise: data/sounds
    python -m experiments.fetch_sounds --collection recordings    # animals, speech, music, machines; and controls

experiments/sounds.json says which packages, with hashes and licences, and what of them. `sounds` are those with which
alsa-utils tests loudspeakers, as they are. Of `recordings` (440 MB of packages, minutes) silence at the ends is cut
away and the middle eight seconds are kept. Stereo is mixed. The 8 bits are those of the μ-law of telephones (ITU-T
G.711), whose steps are fine where the sound is faint; half a step of the 16 bits of noise is first added to each
sample, so that silence is not a row of equal samples.

Controls: KIND-phases are the same recordings with random phases. `white_noise` and `struck_tones` are made. Ogg
Vorbis, in which animals and music come, is not the same in both directions of time: `struck_tones-vorbis` are the
tones after it, and `struck_tones-vorbis_reversed` were encoded from their end.

Writes OUTPUT_DIR/KIND and OUTPUT_DIR/ORIGIN.md (licences, packages, hashes), all of them or none.
"""

import hashlib
import io
import re
import shutil
import wave
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

from aot.base.cli import command, parse_arguments
from aot.base.files import file_sha256, read_json, sync, writing
from aot.sources.sounds import RATE, decaying_tones, excerpt, mu_law, phases_randomised, resampled, white_noise
from experiments.fetch_manuals import fetch, members

COLLECTIONS = Path(__file__).with_name("sounds.json")
LEAST = RATE // 2  # samples of a recording that is cut; there are too few in shorter ones


@dataclass
class SoundArguments:
    collection: Literal["sounds", "recordings"] = field(default="sounds", metadata={"help": "Which recordings."})
    output_dir: str | None = field(default=None, metadata={"help": "Where they go. Default: data/COLLECTION."})


def decoded(content: bytes, name: str) -> tuple[np.ndarray, int]:
    """Samples [n], from -1 to 1, of a .wav, Ogg, FLAC or MP3 file, the mean of its channels; and their rate."""
    try:
        with wave.open(io.BytesIO(content)) as file:
            if file.getsampwidth() == 2:  # what is most common needs no library
                sound = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
                return (sound / 2**15).mean(axis=1), file.getframerate()
    except (wave.Error, EOFError):
        pass
    soundfile = soundfile_for(name)
    try:
        sound, rate = soundfile.read(io.BytesIO(content), always_2d=True)
    except soundfile.LibsndfileError as error:
        raise SystemExit(f"{name}: is no sound that can be read ({error}); leave it out in {COLLECTIONS}") from error
    return sound.mean(axis=1), rate


def soundfile_for(name: str):
    """The library soundfile; SystemExit where it is not installed."""
    try:
        import soundfile
    except ImportError as error:
        raise SystemExit(f'{name}: takes the library soundfile: pip install ".[sounds]"') from error
    return soundfile


def through_vorbis(sound: np.ndarray) -> np.ndarray:
    """Samples [n] as they are after Ogg Vorbis, which sees coming what it encodes, and so has its own arrow."""
    soundfile, content = soundfile_for("the controls"), io.BytesIO()
    soundfile.write(content, np.clip(sound, -1, 1), RATE, format="OGG", subtype="VORBIS")
    content.seek(0)
    return soundfile.read(content)[0][: len(sound)]


def chosen(path: Path, patterns: dict[str, str], most: int | None) -> dict[str, dict[str, bytes]]:
    """Content of the recordings of a package by kind and name, each once; at most so many of a kind, drawn by hash.

    patterns: for each kind, the end of the path of a recording, with one group that becomes its name.
    """
    patterns = {kind: re.compile(f"{pattern}$") for kind, pattern in patterns.items()}
    found: dict[str, dict[str, bytes]] = {kind: {} for kind in patterns}
    for member, content in members(path, lambda name: any(each.search(name) for each in patterns.values())):
        kind, match = next((kind, match) for kind, each in patterns.items() if (match := each.search(member)))
        if content not in found[kind].values():
            if (name := match[1].replace("/", "-")) in found[kind]:
                raise SystemExit(f"{path}: has two different {kind}/{name}; tell them apart in {COLLECTIONS}")
            found[kind][name] = content
    for kind, recordings in found.items():
        if not recordings:
            raise SystemExit(f"{path}: has no {kind}, which {COLLECTIONS} says that it has")
        names = sorted(recordings, key=lambda name: hashlib.sha256(name.encode()).digest())[:most]
        found[kind] = {name: recordings[name] for name in names}
    return found


def write(folder: Path, name: str, sound: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.ulaw").write_bytes(mu_law(sound).tobytes())


def controls(length: int, seed: int) -> dict[str, np.ndarray]:
    """A recording [length] of each kind of sound that is made, by kind."""
    rng = np.random.default_rng([seed])
    tones, noise = decaying_tones(length, rng), white_noise(length, rng)
    return {
        "white_noise": noise,
        "struck_tones": tones,
        "struck_tones-phases": phases_randomised(tones, rng),
        "struck_tones-vorbis": through_vorbis(tones),
        "struck_tones-vorbis_reversed": through_vorbis(tones[::-1])[::-1],
    }


def write_recordings(folder: Path, collection: dict, recordings: dict[str, dict[str, bytes]]) -> None:
    """Recordings of each kind as they are, or excerpts of them and with these the controls."""
    seconds, seen = collection.get("seconds"), set()
    for kind, contents in recordings.items():
        for name, content in tqdm(contents.items(), desc=kind, mininterval=1):
            sound = resampled(*decoded(content, name))
            if seconds:
                sound = excerpt(sound, seconds * RATE)
                if len(sound) < LEAST or (levels := mu_law(sound).tobytes()) in seen:
                    continue  # a recording that is there under two names would be both trained on and held out
                seen.add(levels)
                rng = np.random.default_rng([*name.encode()])
                write(folder / f"{kind}-phases", name, np.clip(phases_randomised(sound, rng), -1, 1))
            write(folder / kind, name, sound)
    for number in range(collection.get("controls", 0)):
        for kind, sound in controls(int(RATE * collection["seconds_of_controls"]), number).items():
            write(folder / kind, f"{number:02}", np.clip(sound, -1, 1))


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(SoundArguments, doc=__doc__, argv=argv)
    folder = Path(args.output_dir or f"data/{args.collection}")
    if (folder / "ORIGIN.md").exists():
        return print(f"{folder}: finished before")
    collection, partial = read_json(COLLECTIONS)[args.collection], folder.with_name(f"{folder.name}.partial")
    lines, recordings = [], {}
    with writing(folder):
        (partial / "packages").mkdir(parents=True, exist_ok=True)
        for each in tqdm(collection["packages"], desc="fetch", mininterval=1):
            path = fetch(each["name"], each["version"], each["architecture"], partial / "packages")
            if (sha256 := file_sha256(path)) != each["sha256"]:
                raise SystemExit(f"{path}: its SHA-256 is {sha256}, not {each['sha256']}; delete it, run this again")
            for kind, found in chosen(path, each["members"], each.get("most")).items():
                if twice := sorted(recordings.setdefault(kind, {}).keys() & found.keys()):
                    raise SystemExit(f"{path}: {kind}/{twice[0]} is there already; tell them apart in {COLLECTIONS}")
                recordings[kind].update(found)
            lines.append(f"- {path.name} {sha256}: {each['licence']}, copyright {each['copyright']}")
        for old in [each for each in partial.iterdir() if each.name != "packages"]:  # of one that was interrupted
            shutil.rmtree(old)
        write_recordings(partial, collection, recordings)
        origin = "Recordings of packages of Debian, resampled, 8 bits; some cut, and some with random phases.\n\n"
        (partial / "ORIGIN.md").write_text(origin + "\n".join([*lines, ""]), encoding="utf-8")
        shutil.rmtree(partial / "packages")
        sync(partial)
        partial.rename(folder)
    print(f"{folder}: {len([*folder.glob('*/*.ulaw')])} recordings")


if __name__ == "__main__":
    command(main)
