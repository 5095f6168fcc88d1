"""What a message says of its sender, against what is known of them."""

import re
from dataclasses import replace

from actions import phrases
from actions.state import Contact, Known, Said

_BARE_NAME = re.compile(r"^[一-鿿]{2,3}$")


def read_contact(said: Said, known: Known, asked: str | None) -> Known:
    """Returns what is known with phone, name and the wish for anonymity; a wrong number leaves the good one."""
    contact = known.contact
    if phrases.CHANGE_PHONE.match(said.text):
        return replace(known, contact=replace(contact, phone=None, declined=False, anonymous=False))
    if phrases.NOT_ANONYMOUS.search(said.text):
        contact = replace(contact, anonymous=False, declined=False)
    if contact.phone and not said.phone and (phone := _with_tail(said.text, contact.phone)):
        contact = replace(contact, phone=phone)
    if said.phone:
        contact = replace(contact, phone=said.phone, declined=False)
    if name := _name(said, contact, asked):
        contact = replace(contact, name=name, anonymous=False if asked == "confirmed" else contact.anonymous)
    if said.anonymous:
        contact = replace(contact, anonymous=True, name=None)
    elif not said.phone and not said.bad_phone and _declines(said, contact, asked):
        contact = replace(contact, declined=True)
    return replace(known, contact=contact)


def _with_tail(text: str, phone: str) -> str | None:
    """Returns the phone with the last four digits that a message gives: 尾号写错了 最后四位是8899."""
    digits = phrases.FOUR_DIGITS.findall(text) if phrases.TAIL.search(text) else []
    return phone[:-4] + str(digits[-1]) if digits else None


def _name(said: Said, contact: Contact, asked: str | None) -> str | None:
    if said.name:
        return said.name if asked in ("contact", "confirmed") or said.phone or not contact.name else None
    bare = asked == "contact" and said.intent in ("inform", "nlu_fallback") and not said.place
    return said.rest if bare and _BARE_NAME.match(said.rest) and not phrases.NOTHING.match(said.rest) else None


def _declines(said: Said, contact: Contact, asked: str | None) -> bool:
    if phrases.NO_PHONE.search(said.text):
        return not contact.phone or asked == "contact"
    if said.intent == "decline_contact":
        where = asked == "place" and not phrases.ABOUT_PHONE.search(said.text)  # 我不想说在哪 keeps no phone back
        return asked == "contact" or not (contact.phone or where)
    if asked != "contact" or said.has_substance:
        return asked == "contact" and bool(phrases.UNWILLING.search(said.text))
    return said.intent in ("deny", "dont_know", "cancel", "nothing") or bool(phrases.NOTHING.match(said.text))


def without_phone(matter: str, own: str | None) -> str:
    """Returns a matter without the resident's own number that was told in the same breath; others belong to it."""
    if not own:
        return matter
    found = rf"[,，。;；\s]*(?:我的?)?(?:联系)?(?:电话|手机号?|号码)?(?:是|:|：)?\s*{re.escape(own)}"
    return re.sub(found, "", matter) or matter
