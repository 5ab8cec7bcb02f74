"""The agent of `./dev demo`: a real `lanherd-agent serve` of this user, ended with the demo."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

END_TIMEOUT_S = 15.0
PROBE_TIMEOUT_S = 30.0
SIMULATED_GPUS = 2


class DemoAgentError(RuntimeError):
    """The agent could not be started; the text says what it said."""


class DemoAgent:
    """One agent process; its words go to a log file."""

    def __init__(self, home: Path, runtime: Path) -> None:
        self._home = home
        self._environment = {**os.environ, "LANHERD_RUNTIME_DIR": str(runtime)}
        self._log = home.parent / "agent.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> bool:
        """Start it with the machine's GPUs, else with simulated ones; returns whether simulated.

        Raises DemoAgentError when the GPUs can't be asked for.
        """
        simulated = not self._gpus()
        command = [sys.executable, "-m", "lanherd_agent.cli", "serve", "--home", str(self._home)]
        command += ["--name", "this machine"]
        if simulated:
            command += ["--simulate-gpus", str(SIMULATED_GPUS)]
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        return simulated

    def problem(self) -> str:
        """Why it ended, in its own words; empty while it is alive."""
        if self._process is None or self._process.poll() is None:
            return ""
        words = self._log.read_text(encoding="utf-8", errors="replace").strip()
        return f"The agent ended with code {self._process.returncode}. {words[-2000:]}"

    def stop(self) -> None:
        """End it as systemd would."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(END_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _gpus(self) -> int:
        """How many GPUs NVML sees here."""
        answer = subprocess.run(
            [sys.executable, "-m", "lanherd_agent.cli", "probe", "--json"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=PROBE_TIMEOUT_S,
            env=self._environment,
        )
        if answer.returncode != 0:
            raise DemoAgentError(answer.stderr.decode("utf-8", "replace").strip())
        return len(json.loads(answer.stdout)["gpus"])
