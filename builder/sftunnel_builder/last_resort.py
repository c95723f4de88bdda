"""What is left to do for a program that is itself at fault: no secret in what it leaves behind."""

from __future__ import annotations

import resource

from sftunnel_builder import __version__
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.words import _


def leave_no_core() -> None:
    """See to it that a crash leaves no core file: keys and passphrases would be in it.

    A limit of 1 also stops a core that the kernel would pipe to a program, as 0 does not (core(5)).
    """
    most = resource.getrlimit(resource.RLIMIT_CORE)[1]
    wanted = 0 if most == 0 else 1
    resource.setrlimit(resource.RLIMIT_CORE, (wanted, wanted))


def bug(error: Exception) -> BundlerError:
    """Return where a bug showed itself; not its message, which may hold what nobody should see."""
    trace = error.__traceback__
    while trace and trace.tb_next:
        trace = trace.tb_next
    where = "?"
    if trace:
        where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}"
    return BundlerError(
        _("this is a bug: {error} at {where}, version {version}").format(
            error=type(error).__name__, where=where, version=__version__
        ),
        _("please report this line with the command that you typed"),
        ExitCode.BUG,
    )
