"""The processors to build for, and what the kernel, Debian, the compiler and glibc call them."""

from __future__ import annotations

import platform
from dataclasses import dataclass

from the_edge_agent.errors import MachineUnable


@dataclass(frozen=True, slots=True)
class Machine:
    """``name`` is the kernel's, ``debian`` Debian's, ``loader`` the file that starts glibc's programs, ``runner`` the label of GitHub's machine."""

    name: str
    debian: str
    loader: str
    runner: str
    hardening: str
    """An option of the compiler."""

    @property
    def triplet(self) -> str:
        """The compiler's name for it, with glibc."""
        return f"{self.name}-linux-gnu"

    @property
    def compiler(self) -> str:
        """The compiler's program; the plain one where the machine compiles for itself."""
        return "gcc" if self.name == platform.machine() else f"{self.triplet}-gcc"


MACHINES = {
    "x86_64": Machine("x86_64", "amd64", "ld-linux-x86-64.so.2", "ubuntu-24.04", "-fcf-protection=full"),
    "aarch64": Machine("aarch64", "arm64", "ld-linux-aarch64.so.1", "ubuntu-24.04-arm", "-mbranch-protection=standard"),
}


def machine_here() -> Machine:
    """The one that this program runs on; raises :class:`MachineUnable` when nothing is built for it."""
    found = MACHINES.get(platform.machine())
    if found is None:
        raise MachineUnable(f"images cannot be built on {platform.machine()}", hint=f"build on {' or '.join(MACHINES)}")
    return found
