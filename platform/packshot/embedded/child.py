"""A service kept running: started, its output passed on, started again when it dies."""

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Callable
from pathlib import Path

from packshot.embedded.problems import StartFailed
from packshot.embedded.process import READY_POLL_S, Service, log_end

READY_TIMEOUT_S = 60.0
BACKOFF_FIRST_S = 0.1
BACKOFF_MAX_S = 10.0
STEADY_AFTER_S = 60.0
LAST_WORDS_S = 1.0  # a grandchild may hold the pipe open
PIPE_READ_BYTES = 65536
LOG_KEEP_BYTES = 10 * 1024 * 1024


class Child:
    """One service of an installation. Use it from the main thread's event loop only."""

    def __init__(
        self, service: Service, say: Callable[[str, str], None], *, log: Path | None = None
    ) -> None:
        """Keep a service; its output goes to the file ``log``, else line by line to ``say``."""
        self.service = service
        self._say = say
        self._log = log
        self._process: Process | None = None
        self._pump: asyncio.Task[None] | None = None
        self._is_stopping = False

    @property
    def pid(self) -> int:
        """The pid of the running process; 0 before the first start."""
        return self._process.pid if self._process else 0

    async def start(self) -> None:
        """Start the process and return when it is ready; raises StartFailed."""
        process = await self._spawn()
        deadline = time.monotonic() + READY_TIMEOUT_S
        while True:
            is_ready = await asyncio.to_thread(self.service.is_ready, process.pid)
            if process.returncode is not None or self._is_stopping:
                raise StartFailed(self._how_it_ended(process))
            if is_ready:
                return
            if time.monotonic() > deadline:
                raise StartFailed(f"{self.service.name} was not ready in {READY_TIMEOUT_S:.0f} s")
            await asyncio.sleep(READY_POLL_S)

    async def keep(self, on_restart: Callable[[], None]) -> None:
        """Start the process again whenever it ends, until ``stop``; tells after each restart."""
        pause_s = BACKOFF_FIRST_S
        while self._process is not None:
            since = time.monotonic()
            await self._process.wait()
            if self._is_stopping:
                return
            self._say("up", f"{self._how_it_ended(self._process)}; starting it again")
            if time.monotonic() - since > STEADY_AFTER_S:
                pause_s = BACKOFF_FIRST_S
            pause_s = await self._start_again(pause_s)
            self._say("up", f"{self.service.name} runs again (process {self.pid})")
            on_restart()

    def forbid_restart(self) -> None:
        """From now on a death is an end: everything is stopping."""
        self._is_stopping = True

    async def stop(self) -> None:
        """Ask the process to stop, kill it after its grace, and pass on its last words."""
        self.forbid_restart()
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(self.service.stop_signal)
            try:
                await asyncio.wait_for(self._process.wait(), self.service.grace_s)
            except TimeoutError:
                self._say("up", f"{self.service.name} did not stop in time and is killed")
                self.kill()
                await self._process.wait()
        if self._pump is not None:
            await asyncio.wait([self._pump], timeout=LAST_WORDS_S)

    def kill(self) -> None:
        """End the process and whatever it started, at once and for good."""
        self.forbid_restart()
        self._kill_process()

    def _kill_process(self) -> None:
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    async def _start_again(self, pause_s: float) -> float:
        """Try until the process is ready; returns the pause that the next death would cost."""
        while True:
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, BACKOFF_MAX_S)
            try:
                await self.start()
            except StartFailed as problem:
                self._say("up", str(problem))
                self._kill_process()
            else:
                return pause_s

    async def _spawn(self) -> Process:
        service = self.service
        output = PIPE if self._log is None else _opened_log(self._log)
        try:
            self._process = await asyncio.create_subprocess_exec(
                *service.argv,
                stdin=DEVNULL,
                stdout=output,
                stderr=STDOUT,
                env=service.environment(),
                start_new_session=True,  # a Ctrl-C of the terminal is ours to pass on
                pass_fds=service.keep_open,
                preexec_fn=service.before_exec,
            )
        finally:
            if output != PIPE:
                os.close(output)
        if self._log is None:
            self._pump = asyncio.create_task(self._pass_on(self._process))
        return self._process

    async def _pass_on(self, process: Process) -> None:
        """Print the output line by line; a line longer than the pipe's buffer is cut, not lost."""
        assert process.stdout is not None
        rest = b""
        while chunk := await process.stdout.read(PIPE_READ_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) > PIPE_READ_BYTES:
                lines, rest = [*lines, rest], b""
            for line in lines:
                self._say(self.service.name, line.decode(errors="replace"))
        if rest:
            self._say(self.service.name, rest.decode(errors="replace"))

    def _how_it_ended(self, process: Process) -> str:
        name, code = self.service.name, process.returncode
        if code is None:
            return f"{name} was stopped while it started"
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        words = log_end(self._log, 600) if self._log and code > 0 else ""
        return f"{name} {how}" + (f": {words}" if words else "")


def _opened_log(log: Path) -> int:
    """Open a log for appending; one that has grown is set aside first, one generation kept."""
    if log.exists() and log.stat().st_size > LOG_KEEP_BYTES:
        log.rename(log.with_suffix(".log.1"))
    return os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
