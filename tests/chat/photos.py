"""Pictures for tests: what phones send, and what must never get in."""

import io
import struct
import zipfile
import zlib
from typing import Any

from PIL import Image, PngImagePlugin

from tests.chat.conftest import Resident

GPS = {1: "N", 2: (36.0, 6.0, 26.0), 3: "E", 4: (120.0, 28.0, 6.0)}


def photo(size: tuple[int, int] = (640, 480), kind: str = "JPEG", color: Any = (200, 60, 40), **options: Any) -> bytes:
    """A picture whose left half is ``color`` and whose right half is grey."""
    image = Image.new("RGB", size, (128, 128, 128))
    image.paste(color, (0, 0, size[0] // 2, size[1]))
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def from_a_phone(orientation: int = 6) -> bytes:
    """A JPEG with everything that a phone writes into it: where, when, which phone, a comment, a profile."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "MyPhone"
    exif.get_ifd(0x8825).update(GPS)
    return photo(
        exif=exif, comment=b"SECRET-COMMENT", xmp=b"<x:xmpmeta>SECRET-XMP</x:xmpmeta>", icc_profile=b"SECRET-ICC"
    )


def with_another_picture_inside() -> bytes:
    """A JPEG as phones write it that keep a depth or brightness map behind the photo (MPO)."""
    file = io.BytesIO()
    first, second = (Image.new("RGB", (320, 240), name) for name in ("red", "blue"))
    first.save(file, "MPO", save_all=True, append_images=[second])
    return file.getvalue()


def animated(kind: str) -> bytes:
    """A picture that moves."""
    frames = [Image.new("RGB", (40, 40), name) for name in ("red", "blue", "green")]
    file = io.BytesIO()
    frames[0].save(file, kind, save_all=True, append_images=frames[1:], duration=100)
    return file.getvalue()


def png_that_unpacks_to(width: int, height: int) -> bytes:
    """A few kilobytes that claim, and hold, an enormous picture."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    row = b"\0" + b"\0" * ((width + 7) // 8)
    packer = zlib.compressobj(9)
    lines = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", lines) + chunk(b"IEND", b"")


def png_with_a_text_bomb() -> bytes:
    """A PNG whose comment unpacks to 200 MB."""
    info = PngImagePlugin.PngInfo()
    info.add_text("c", "x" * 200_000_000, zip=True)
    return photo(kind="PNG", pnginfo=info)


def zipped_behind(picture: bytes) -> bytes:
    """A picture that is a ZIP archive as well."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("run.js", "alert(1)")
    return picture + file.getvalue()


def upload(resident: Resident, content: bytes, name: str = "照片.jpg", kind: str = "image/jpeg") -> Any:
    """Uploads a file and returns the response."""
    files = {"file": (name, content, kind)}
    return resident.client.post("/api/v1/chat/attachments", files=files, headers=resident.headers)


def uploaded(resident: Resident, content: bytes | None = None) -> str:
    """Uploads a photo and returns its id."""
    response = upload(resident, content or photo())
    assert response.status_code == 201, response.text
    return str(response.json()["id"])
