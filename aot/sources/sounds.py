"""Sounds as bytes, and sounds of which it is known whether they have an arrow.

Samples are numbers from -1 to 1, `RATE` of them a second.
"""

import numpy as np
from scipy.signal import resample_poly

RATE = 8000  # samples a second, as of telephones
MU = 255
FAINT = 0.01  # of the loudest sample; what is fainter at the ends is silence
FLOOR = 1e-3  # of white noise under the tones, or a model could know for sure


def resampled(sound: np.ndarray, rate: int) -> np.ndarray:
    """Samples [n] at `RATE` of samples [m] at `rate`: by a filter that is the same in both directions of time.

    Half a step of 16 bits of noise is added first, so that silence is not a row of equal samples.
    """
    steps = 2**15 * sound
    steps = steps + np.random.default_rng(len(steps)).uniform(-0.5, 0.5, len(steps))
    return np.clip(resample_poly(steps / 2**15, RATE, rate), -1, 1)


def mu_law(sound: np.ndarray) -> np.ndarray:
    """Samples [n] as bytes, in the order of what they stand for: ITU-T G.711 with μ = 255."""
    compressed = np.sign(sound) * np.log1p(MU * np.abs(sound)) / np.log1p(MU)
    return np.clip(np.round(127.5 * (compressed + 1)), 0, 255).astype(np.uint8)


def expanded(levels: np.ndarray) -> np.ndarray:
    """Samples [n] that bytes [n] of `mu_law` stand for; of numbers between two bytes, where one becomes the other."""
    compressed = np.asarray(levels) / 127.5 - 1
    return np.sign(compressed) * np.expm1(np.abs(compressed) * np.log1p(MU)) / MU


def excerpt(sound: np.ndarray, most: int) -> np.ndarray:
    """The middle of a sound, at most `most` samples, after the silence at both ends is cut away."""
    heard = np.flatnonzero(np.abs(sound) >= FAINT * np.abs(sound).max(initial=0))
    sound = sound[heard[0] : heard[-1] + 1] if len(heard) else sound
    before = max(len(sound) - most, 0) // 2
    return sound[before : before + most]


def phases_randomised(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A sound of the same length and spectrum whose phases are random: Gaussian and stationary, so without an arrow.

    Not clipped. Theiler et al., Physica D 58, 77 (1992).
    """
    spectrum = np.fft.rfft(sound)
    turned = spectrum * np.exp(2j * np.pi * rng.random(len(spectrum)))
    turned[0] = spectrum[0]  # these have no phase
    if len(sound) % 2 == 0:
        turned[-1] = spectrum[-1]
    return np.fft.irfft(turned, len(sound))


def white_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Independent Gaussian samples [length], a tenth of the loudest."""
    return 0.1 * rng.standard_normal(length)


def decaying_tones(length: int, rng: np.random.Generator) -> np.ndarray:
    """Samples [length] of strikes: about seven tones a second, each with a sudden onset and an exponential decay.

    150 to 1,500 Hz, time constants of 30 to 150 ms, amplitudes of 0.05 to 0.5, over a faint noise.
    """
    sound = FLOOR * rng.standard_normal(length)
    time = np.arange(RATE) / RATE
    for start in np.flatnonzero(rng.random(length) < 7 / RATE):
        pitch, amplitude = 150 * 10 ** rng.random(), 0.05 * 10 ** rng.random()
        tone = amplitude * np.sin(2 * np.pi * pitch * time) * np.exp(-time / rng.uniform(0.03, 0.15))
        sound[start : start + RATE] += tone[: length - start]
    return sound
