"""Photos made safe: judged by content, turned upright, shrunk, written anew with nothing in them but pixels."""

import io
import struct
from dataclasses import dataclass

from PIL import Image, ImageOps

from api.errors import Problem

MAX_BYTES = 10_000_000
SIDE, THUMB_SIDE = 2048, 320
"""Longest sides of what is kept, in pixels."""

# A baseline JPEG is decoded at a fraction of its size; everything else needs all its pixels in memory at once.
_MAX_PIXELS, _MAX_PIXELS_BASELINE = 30_000_000, 70_000_000
_FORMATS = ("JPEG", "PNG", "WEBP")
_ASK = "请发 JPG、PNG 或 WebP 格式的照片"
_MAGIC = (
    (b"GIF8", "动图"),
    (b"%PDF-", " PDF 文档"),
    (b"PK\x03\x04", "压缩包或办公文档"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"BM", " BMP 位图"),
    (b"II*\x00", " TIFF 图"),
    (b"MM\x00*", " TIFF 图"),
    (b"MZ", "程序"),
    (b"\x7fELF", "程序"),
)
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis"}
# Written anew, a photo carries none of this; who sends it all the same did not send a photo. Phones do append
# things (moving pictures, brightness maps), so that what merely follows the picture is no reason. Six bytes at least:
# a shorter mark turns up by chance in one photo of some thousands.
_FOREIGN = (
    *(b"<script", b"<?php ", b"<?php\n", b"<html>", b"<html ", b"<svg xmlns", b"<!doctype", b"<!entity"),
    *(b"rar!\x1a\x07", b"7z\xbc\xaf\x27\x1c"),
)


@dataclass(frozen=True)
class Photo:
    """A photo ready to be kept: two JPEG files, and the size of the larger one in pixels."""

    full: bytes
    thumb: bytes
    width: int
    height: int


def clean_photo(data: bytes) -> Photo:
    """Makes an upload safe to keep. Up to a second of work and some 300 MB of memory: never inside a transaction.

    Args:
        data: the file as it was uploaded; its name and its declared type count for nothing.

    Raises:
        Problem: 413 for too many bytes or pixels, 415 for anything but one intact JPEG, PNG or WebP photo.
    """
    if len(data) > MAX_BYTES:
        raise too_large()
    if not data:
        raise Problem(415, f"照片是空的，{_ASK}")
    if found := _other_kind(data):
        raise Problem(415, f"这不是照片，是{found}。{_ASK}")
    if _mixed(data):
        raise Problem(415, f"这个文件里混有别的内容，不是单纯的照片。{_ASK}")
    try:
        return _written_anew(data)
    except Image.DecompressionBombError as error:
        raise _too_many_pixels() from error
    except (OSError, SyntaxError, ValueError, KeyError, IndexError, TypeError, struct.error, MemoryError) as error:
        # Whatever a damaged file makes Pillow stumble over, the resident can do one thing about it.
        raise Problem(415, f"照片打不开，可能没传完整或已损坏。{_ASK}") from error


def too_large() -> Problem:
    """Returns the answer to an upload of too many bytes."""
    return Problem(413, f"照片太大：一张最多 {MAX_BYTES // 1_000_000} MB，请换一张或缩小后再发")


def _too_many_pixels() -> Problem:
    return Problem(413, "照片的像素太多，打不开。请用手机拍一张普通照片，或截图后再发")


def _other_kind(data: bytes) -> str | None:
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n\x00")
    if head[:1] == b"<":
        return " SVG 图" if b"<svg" in data[:65_536].lower() else "网页或代码"
    if data[4:8] == b"ftyp":
        if data[8:12] in _HEIF:
            return "苹果的 HEIC 图（可在“设置-相机-格式”里选“兼容性最佳”）" if data[8:10] != b"av" else " AVIF 图"
        return "视频"
    return next((name for magic, name in _MAGIC if head.startswith(magic)), None)


def _mixed(data: bytes) -> bool:
    lower = data.lower()
    if b"%pdf-" in lower[:1024] or any(mark in lower for mark in _FOREIGN):
        return True
    # A ZIP is found from its end: its directory and the end of it in the last 64 KB.
    return b"PK\x05\x06" in data[-65_600:] and b"PK\x01\x02" in data


def _written_anew(data: bytes) -> Photo:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        # A JPEG with more pictures inside (MPO) is how phones keep depth or brightness: the first is the photo.
        jpeg = image.format in ("JPEG", "MPO")
        if not jpeg and getattr(image, "n_frames", 1) > 1:
            raise Problem(415, f"不支持动图。{_ASK}")
        baseline = jpeg and not image.info.get("progressive")
        if image.width * image.height > (_MAX_PIXELS_BASELINE if baseline else _MAX_PIXELS):
            raise _too_many_pixels()
        if jpeg:
            image.draft("RGB", (SIDE, SIDE))
        image.load()
        image.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS, reducing_gap=2.0)
        full = _flat(ImageOps.exif_transpose(image))
    small = full.copy()
    small.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    return Photo(_jpeg(full), _jpeg(small), full.width, full.height)


def _flat(image: Image.Image) -> Image.Image:
    """Returns the pixels alone, in RGB on white: no profile, comment, EXIF or XMP comes along."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image, mask=image.getchannel("A"))
        return flat
    flat = image.convert("RGB")
    flat.info = {}
    return flat


def _jpeg(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=85)
    return file.getvalue()
