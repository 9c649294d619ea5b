"""What the compiled part has. It is for the modules beside it."""

import numpy as np
import numpy.typing as npt

MUJOCO_VERSION: str
FLAGS: list[tuple[str, int, str]]
__version__: str

class DynsparseError(RuntimeError): ...
class NotCoveredError(DynsparseError): ...

def loaded_mujoco() -> str: ...
def installed_callback() -> str | None: ...

class Watch:
    def __new__(cls, arrays: list[npt.NDArray[np.uint8]]) -> Watch: ...
    def changed(self) -> int | None: ...

class Engine:
    def __new__(
        cls,
        mjb: npt.NDArray[np.uint8],
        file: str,
        *,
        engine: str,
        solver: str,
        zero_test: bool,
        sensors: bool,
        threads: int,
    ) -> Engine: ...
    @property
    def sizes(self) -> list[int]: ...
    @property
    def engine(self) -> str: ...
    @property
    def fallback(self) -> str | None: ...
    @property
    def names(self) -> list[list[str]]: ...
    @property
    def quaternions(self) -> list[list[int]]: ...
    def run(
        self,
        count: int,
        horizon: int,
        substeps: int,
        start: dict[str, npt.NDArray[np.float64]],
        out: dict[str, npt.NDArray[np.generic]],
    ) -> list[tuple[int, int, str]]: ...
    def difference(self, q1: npt.NDArray[np.float64], q0: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
    def integrate(self, q: npt.NDArray[np.float64], dq: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]: ...
