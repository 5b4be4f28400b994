"""Recorded speech, and noise, as 8-bit samples: data/sounds/{speech,noise}/*.ulaw.

    python -m experiments.fetch_sounds

The recordings are those with which the package alsa-utils of Debian tests loudspeakers: eight English announcements,
one and a half seconds each, and noise. They come at 48,000 samples a second and 16 bits, and are brought to 8,000 and
to 8 bits by the μ-law of telephones (ITU-T G.711), whose steps are fine where the sound is faint. A bit of noise, half
a step of the 16 bits, is first added to each sample, so that silence is not a row of equal samples.

Writes OUTPUT_DIR/speech, noise and ORIGIN.md (licence, package, hash), all of them or none.
"""

import io
import shutil
import subprocess
import tarfile
import wave
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.signal import resample_poly

from aot.base.cli import command, parse_arguments
from aot.base.files import file_sha256, sync, writing
from experiments.fetch_manuals import fetch

PACKAGE, VERSION, ARCHITECTURE = "alsa-utils", "1.2.8-1", "amd64"
SHA256 = "fb24eb1a318228b974efbef726190dd90c6106a208814a3ee8f5d69b91ee0ba4"
RATE = 8000  # samples a second


@dataclass
class SoundArguments:
    output_dir: str = field(default="data/sounds", metadata={"help": "Where the sounds go."})


def samples(content: bytes) -> np.ndarray:
    """Samples [n], from -1 to 1, of a .wav file of one channel and 16 bits, at `RATE`."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth()) == (1, 2), "these recordings have one channel of 16 bits"
        sound = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        sound = sound + np.random.default_rng(len(sound)).uniform(-0.5, 0.5, len(sound))
        return np.clip(resample_poly(sound / 2**15, RATE, file.getframerate()), -1, 1)


def mu_law(sound: np.ndarray) -> np.ndarray:
    """Samples [n], from -1 to 1, as bytes, in the order of what they stand for: ITU-T G.711 with μ = 255."""
    compressed = np.sign(sound) * np.log1p(255 * np.abs(sound)) / np.log(256)
    return np.clip(np.round(127.5 * (compressed + 1)), 0, 255).astype(np.uint8)


def main(argv: list[str] | None = None) -> None:
    (args,) = parse_arguments(SoundArguments, doc=__doc__, argv=argv)
    folder = Path(args.output_dir)
    if (folder / "ORIGIN.md").exists():
        return print(f"{folder}: finished before")
    partial = folder.with_name(f"{folder.name}.partial")
    with writing(folder):
        (partial / "packages").mkdir(parents=True, exist_ok=True)
        package = fetch(PACKAGE, VERSION, ARCHITECTURE, partial / "packages")
        if (sha256 := file_sha256(package)) != SHA256:
            raise SystemExit(f"{package}: its SHA-256 is {sha256}, not {SHA256}; delete it and run this again")
        read = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True)
        for kind in ("speech", "noise"):
            shutil.rmtree(partial / kind, ignore_errors=True)
            (partial / kind).mkdir()
        with tarfile.open(fileobj=io.BytesIO(read.stdout)) as archive:
            for member in archive:
                if member.name.endswith(".wav"):
                    name = Path(member.name).stem
                    kind = "noise" if name == "Noise" else "speech"
                    sound = mu_law(samples(archive.extractfile(member).read()))
                    (partial / kind / f"{name}.ulaw").write_bytes(sound.tobytes())
        (partial / "ORIGIN.md").write_text(
            "Recordings of the package alsa-utils, copyright Jaroslav Kysela and others, GPL-2; resampled, 8 bits.\n\n"
            f"- {package.name} {SHA256}\n",
            encoding="utf-8",
        )
        shutil.rmtree(partial / "packages")
        sync(partial)
        partial.rename(folder)
    print(f"{folder}: {len([*folder.glob('*/*.ulaw')])} recordings")


if __name__ == "__main__":
    command(main)
