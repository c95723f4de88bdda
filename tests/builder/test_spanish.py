"""What the modules say in Spanish: refusals, tables, comparisons, and what stays as it is."""

from __future__ import annotations

import io
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import pytest

from fleets import make_fleet
from holdings import BRINGS, CACERT, CERT, CERTIFICATE, HAS, NOW, a_file, with_file
from rehearsal import Made
from sftunnel_builder import build
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.causes import Cause
from sftunnel_builder.choose import Wanted
from sftunnel_builder.comparison import compare
from sftunnel_builder.comparison_text import COLUMNS, render
from sftunnel_builder.devices_csv import parse_devices_csv, read_devices_csv
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.expiry import CA, Dates, Expiring, Fmc, counts, judge_all, renewal, verdict
from sftunnel_builder.fleet_text import as_csv, as_json, table
from sftunnel_builder.forecast import foretell
from sftunnel_builder.holding import Holding
from sftunnel_builder.lab.certificates import key_pem, new_key
from sftunnel_builder.prompts import Prompt
from sftunnel_builder.signer import load_signer
from sftunnel_builder.trio import TrioFiles, check_trio
from sftunnel_builder.words import Lang, speaking

from .conftest import DEVICE, FMC, TIMES
from .conftest import NOW as NOW_OF_TRIO

OTHER = "11111111-2222-3333-4444-555555555555"
EXPIRED = (NOW_OF_TRIO - timedelta(days=9), NOW_OF_TRIO - timedelta(days=1))


@pytest.fixture(autouse=True)
def _spanish() -> Iterator[None]:
    with speaking(Lang.ES):
        yield


def _refusal(refused: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(BundlerError) as caught:
        refused()
    return caught.value.message, caught.value.hint


@pytest.mark.parametrize(
    ("faults", "message", "hint"),
    [
        pytest.param(
            {"ca": {"times": EXPIRED}},
            f"'cacert.pem' caducó el {EXPIRED[1]:%Y-%m-%d %H:%M:%S} UTC",
            "ejecute generate_certs.pl en el FMC y cree el kit otra vez",
            id="expired",
        ),
        pytest.param(
            {"leaf": {"uuid": OTHER}},
            f"'sftunnel-cert.pem' es de otro dispositivo: se esperaba '{DEVICE}', se encontró "
            f"'{OTHER}'",
            "mire de qué dispositivo o FMC es el archivo que está allí",
            id="another device's",
        ),
        pytest.param(
            {"leaf": {"times": (TIMES[0] - timedelta(days=1), TIMES[1])}, "key": b"hello"},
            "'sftunnel-key.pem': se esperaba un solo bloque PEM 'PRIVATE KEY', se encontró: "
            "ninguno",
            "copie 'sftunnel-key.pem' del FMC otra vez, como archivo y no por un terminal",
            id="no key",
        ),
    ],
)
def test_a_refused_trio(
    make_trio: Callable[..., TrioFiles], faults: dict[str, object], message: str, hint: str
) -> None:
    files = make_trio(**faults)
    said = _refusal(lambda: check_trio(files, device_uuid=DEVICE, fmc_uuid=FMC, now=NOW_OF_TRIO))
    assert said == (message, hint)


def test_a_bad_line_and_a_missing_file(tmp_path: Path) -> None:
    assert _refusal(
        lambda: list(parse_devices_csv(io.BytesIO(b'"BSNS,10.48.67.54\n'), "d.csv"))
    ) == (
        "'d.csv' línea 1: contiene unas comillas sin cerrar",
        "ciérrelas, o quítelas",
    )
    missing = tmp_path / "d.csv"
    assert _refusal(lambda: read_devices_csv(missing)) == (
        f"no se puede leer '{missing}': no existe el archivo o el directorio",
        "compruebe el nombre dado con --devices",
    )


def test_braces_in_what_is_filled_in_stay_as_they_are() -> None:
    said = _refusal(lambda: list(parse_devices_csv(io.BytesIO(b",\n"), "{0} {x!r}.csv")))
    assert said[0] == "'{0} {x!r}.csv' línea 1: no tiene ni nombre ni dirección"


def test_the_table_of_a_fleet() -> None:
    *lines, _blank, summary = table(make_fleet(10, is_half_done=True))
    assert lines == [
        "dispositivo                   estado            cuándo (reloj del dispositivo)  túnel  "
        "se sabe por  válido hasta",
        "BSNS-1120-9                   falló (código 6)  2026-11-24T22:56:00Z            down   "
        "recibo       2036-11-21",
        "BSNS-1120-8                   revertido         2026-11-24T22:49:00Z            down   "
        "recibo       2036-11-21",
        "BSNS-1120-7                   aún sin túnel     2026-11-24T22:42:00Z            down   "
        "recibo       2036-11-21",
        "BSNS-1120-10                  pendiente         -                               -      "
        "-            2036-11-21",
        "BSNS-1120-1                   hecho             -                               -      "
        "teléfono     2036-11-21",
        "BSNS-1120-3                   hecho             2026-11-24T22:14:00Z            up     "
        "recibo       2036-11-21",
        "BSNS-1120-4                   hecho             2026-11-24T22:21:00Z            up     "
        "recibo       2036-11-21",
        "BSNS-1120-5                   hecho             2026-11-24T22:28:00Z            up     "
        "recibo       2036-11-21 VENCE PRONTO",
        "BSNS-1120-6                   hecho             -                               -      "
        "teléfono     2036-11-21",
        "Plant 4 <edge> & a long name  hecho             2026-11-24T22:07:00Z            up     "
        "recibo       2036-11-21",
    ]
    assert summary == (
        "10 dispositivos: 6 hechos, 1 pendiente, 1 aún sin túnel, 1 revertido, 1 falló; "
        "1 vence pronto"
    )


def test_what_programs_read_is_the_same_in_every_language() -> None:
    fleet = make_fleet(12, is_half_done=True)
    told = as_csv(fleet), as_json(fleet), compare(HAS, BRINGS), [cause.code for cause in Cause]
    with speaking(Lang.EN):
        assert told == (
            *(as_csv(fleet), as_json(fleet), compare(HAS, BRINGS)),
            [cause.code for cause in Cause],
        )


def _compared(before: Holding, after: Holding) -> list[str]:
    lines = list(render(compare(before, after), foretell(before, after, None), NOW))
    assert max(map(len, lines)) <= COLUMNS
    return lines


def test_a_comparison() -> None:
    old = replace(
        CERTIFICATE,
        not_before=NOW - timedelta(days=3650),
        not_after=NOW - timedelta(days=1),
        public_key="77" * 32,
        fingerprint="99" * 32,
    )
    has = with_file(with_file(HAS, CACERT, a_file("9", old)), CERT, None)
    lines = _compared(has, BRINGS)
    ca = lines.index("  cacert.pem: cambiado")
    assert lines[ca : ca + 14] == [
        "  cacert.pem: cambiado",
        "    sujeto          CN=localhost; title=c8d5d5c6-87c9-11ef-a993-b9831565bc4e",
        "    emisor          cdb123c8-4347-11ef-aca1-f3aa241412a1",
        "  - no antes de     2016-11-25T12:00:00Z",
        "  + no antes de     2026-11-23T12:00:00Z, 3650 días después",
        "  - no después de   2026-11-22T12:00:00Z, CADUCADO hace 1 día",
        "  + no después de   2036-11-20T12:00:00Z, 3651 días después",
        "    n.º de serie    0D",
        f"  - SHA-256         {'99' * 32}",
        f"  + SHA-256         {'aa' * 32}",
        "    firma           sha256",
        "    clave           RSA 2048 bits",
        "  + clave pública   otra",
        "  sftunnel-cert.pem: solo en el paquete",
    ]
    assert lines[-5:] == [
        "install.sh pediría la huella del firmante, pues no está fijado allí",
        "install.sh instalaría 3 archivos como uno solo y reiniciaría sftunnel:",
        *(
            f"  /var/sf/peers/cdb123c8-4347-11ef-aca1-f3aa241412a1/{what}"
            for what in (
                "cacert.pem         cambiado",
                "sftunnel-cert.pem  nuevo",
                "sftunnel-key.pem   lo mismo otra vez",
            )
        ),
    ]


def test_another_device() -> None:
    lines = _compared(replace(HAS, device_uuid=OTHER), BRINGS)
    assert lines[0] == "OTRO DISPOSITIVO: no son del mismo dispositivo, y no se deben mezclar"
    assert lines[-3:] == [
        "install.sh se negaría: dispositivo equivocado: el paquete es para 'BSNS-1120-1',",
        "                       'c8d5d5c6-87c9-11ef-a993-b9831565bc4e'; este es",
        "                       '11111111-2222-3333-4444-555555555555' (código 5)",
    ]


def test_what_expires() -> None:
    day = timedelta(days=1)
    certificates = [
        Expiring(CA, "fmc-lab", None, "x", Dates(NOW - day, NOW + days * day))
        for days in (-3, 0.5, 1000)
    ]
    judged = judge_all(certificates, NOW, 90)
    assert [verdict(each, NOW) for each in judged] == [
        "EXPIRED: la CA de fmc-lab caducó hace 3 días, el Nov 20 12:00:00 2026 GMT",
        "WARNING: la CA de fmc-lab SOLO vale menos de un día, hasta el Nov 24 00:00:00 2026 GMT",
        "OK: la CA de fmc-lab vale 1000 días más, hasta el Aug 19 12:00:00 2029 GMT",
    ]
    assert counts(judged) == "3 certificados: 1 caducado, 1 con aviso, 1 en orden"
    assert renewal(Fmc("/", "fmc-lab", "", "7.2.5", None, certificates[0].read)) == (
        "la revisión (hotfix) FZ, 7.2.9.99-4, trae generate_certs.pl para 7.2.5"
    )


def test_what_was_marked_while_modules_were_loaded() -> None:
    assert Prompt.EXPERT.words == "un shell que no es de root"
    assert Prompt.EXPERT.what_to_type == "escriba 'sudo su' y luego la contraseña"
    assert Cause.EXPIRED.words == "un certificado ha caducado"
    with speaking(Lang.EN):
        assert Prompt.EXPERT.what_to_type == "type 'sudo su', then the password"


@pytest.mark.parametrize("jobs", [1, 2])
def test_processes_of_a_build_speak_it_too_however_they_are_started(
    jobs: int, made: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    subprocess.run(["cp", "-a", str(made.fmc.root), str(tmp_path / "fmc")], check=True)
    fmc = replace(made.fmc, root=tmp_path / "fmc")
    pushed = fmc.peer_dir(made.devices[0].uuid) / "certs_pushed"
    (pushed / "sftunnel-key.pem").write_bytes(key_pem(new_key()))
    monkeypatch.setattr(build, "MIN_DEVICES_A_PROCESS", 1)
    spawned = partial(ProcessPoolExecutor, mp_context=get_context("spawn"))
    monkeypatch.setattr(build, "ProcessPoolExecutor", spawned)
    signer = load_signer(made.signing_key, None)
    request = BuildRequest(
        Wanted((fmc.root,)), tmp_path / "kit", signer, datetime.now(UTC), jobs=jobs
    )
    (refusal,) = build_kit(request, lambda items, _total: items).refused
    assert "no es la de" in refusal.message
