"""Runs the silero voice detector in real PyTorch and in Flambeau on the same speech-like audio.

    PYTHON tools/silero.py silero_vad.jit --flambeau target/release/examples/stream

30 seconds at 16 kHz and at 8 kHz go through in chunks, one thread each. Prints the largest difference of the
probabilities, the time per chunk of both (medians, in turn, in one run) and their ratio.
"""
import argparse, json, math, statistics, subprocess, tempfile, time
import numpy as np
import torch

p = argparse.ArgumentParser()
p.add_argument("model"); p.add_argument("--flambeau", required=True); p.add_argument("--rounds", type=int, default=3)
a = p.parse_args()
torch.set_num_threads(1)


def speech(rate, seconds=30):
    """Vowel-like pulse trains through resonances, with pauses, noise and changing pitch."""
    rng = np.random.default_rng(0)
    t = np.arange(rate * seconds) / rate
    pitch = 120 + 30 * np.sin(2 * math.pi * 0.4 * t) + 10 * np.sin(2 * math.pi * 3 * t)
    phase = 2 * math.pi * np.cumsum(pitch) / rate
    voice = sum(np.sin(k * phase) / k * np.exp(-((k * 120 - f) / 300) ** 2) for f in (500, 1500, 2500) for k in range(1, 28))
    gate = (np.sin(2 * math.pi * 0.3 * t) > -0.2) * (0.5 + 0.5 * np.sin(2 * math.pi * 4 * t) ** 2)
    x = 0.3 * voice * gate + 0.01 * rng.standard_normal(len(t))
    return torch.from_numpy((x / np.abs(x).max()).astype(np.float32))


def pytorch(model, audio, rate, chunk):
    model.reset_states()
    probabilities, times = [], []
    with torch.no_grad():
        for i in range(0, len(audio) - chunk + 1, chunk):
            start = time.perf_counter()
            probabilities.append(model(audio[i:i + chunk], rate).item())
            times.append(time.perf_counter() - start)
    return probabilities, statistics.median(times) * 1e6


model = torch.jit.load(a.model)
for rate, chunk in ((16000, 512), (8000, 256)):
    audio = speech(rate)
    with tempfile.NamedTemporaryFile(suffix=".f32") as f:
        audio.numpy().tofile(f.name)
        ratios = []
        pytorch(model, audio, rate, chunk)
        for _ in range(a.rounds):
            want, theirs = pytorch(model, audio, rate, chunk)
            run = subprocess.run([a.flambeau, a.model, f.name, str(rate), str(chunk)], capture_output=True, text=True, check=True)
            got = json.loads(run.stdout)
            ratios.append(got["median_us"] / theirs)
        worst = max(abs(x - y) for x, y in zip(want, got["probabilities"]))
        print(f"{rate} Hz: {len(want)} chunks, probabilities {min(want):.3f} to {max(want):.3f}, largest difference {worst:.2e}; "
              f"load {got['load_ms']:.1f} ms; time per chunk {statistics.median(ratios):.2f} of torch.jit's")
        assert len(want) == len(got["probabilities"]) and worst <= 1e-4
