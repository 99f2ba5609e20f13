"""``keepboth serve``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import ValidationError

from keepboth.cli.terminal import USAGE, fail, reported
from keepboth.settings import Settings

LOG_LEVELS = ("debug", "info", "warning", "error")


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on; 0: any free one.  [default: 8100]")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Folder of the log and its projections, made if need be.  [default: data]")
    ] = None,
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"] | None, typer.Option(help="[default: warning]")
    ] = None,
    identify: Annotated[str | None, typer.Option(help="`module:function` of the hook that says who connects.")] = None,
    origin: Annotated[
        list[str] | None, typer.Option(help="Browser origin that may open editing sockets (repeat it); none: any.")
    ] = None,
    max_frame_bytes: Annotated[
        int | None, typer.Option(min=1024, help="Largest frame or request body.  [default: 32 MiB]")
    ] = None,
) -> None:
    """Serve documents until told to stop (SIGINT, SIGTERM).

    Every setting also has an environment variable, KEEPBOTH_ and its name: KEEPBOTH_PORT. An option wins over it.
    """
    given: dict[str, Any] = {
        "host": host,
        "port": port,
        "data": data,
        "log_level": log_level,
        "identify": identify,
        "origins": tuple(origin) if origin else None,
        "max_frame_bytes": max_frame_bytes,
    }
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        what = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise fail(USAGE, f"settings-invalid: {what}") from None
    if settings.log_level not in LOG_LEVELS:
        raise fail(USAGE, f"settings-invalid: log_level: {settings.log_level!r} is not one of {', '.join(LOG_LEVELS)}")
    with reported():
        from keepboth.app import run

        raise typer.Exit(run(settings))
