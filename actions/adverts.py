"""Offers of goods and services that are sent to the window as to any other: nobody's appeal."""

import re

_CONTACT = r"(?:加|[+])[VvＶ微薇][信:: ]?|(?:微信|[VvＶ]信|薇信|扣扣|QQ).{0,3}(?:同号|[A-Za-z0-9]{5,})|同号"
_ALONE = re.compile(r"滴滴我|量大(?:从)?优惠|诚信合作|详情(?:加|联系)|(?:加|[+])[VvＶ微薇]")
_SELLING = re.compile(
    _CONTACT + r"|滴滴我|量大(?:从)?优惠|诚信合作|价格(?:优惠|低|实惠|好说)"
    r"|代(?:办|开|做|理|还|写|考).{0,8}(?:执照|证|票|贷|账|发票|论文)|当天出证|刻章|地址挂靠|包过|无抵押|秒批|下款"
    r"|日结|招兼职|刷单|长期有效|厂家直销|免费试用|需要的(?:老板|朋友|亲)|详情(?:加|咨询|联系)"
)
_COMPLAINT = re.compile(
    r"投诉|举报|反映|骗|广告|贴|传单|短信|发给我|骚扰|没人管|管管|能不能|吗|怎么|我[要想]|不给|不退|上当|坑|请问|咨询"
)


def advertises(text: str) -> bool:
    """Tells whether somebody offers goods or services, and does not complain of such an offer."""
    kinds = {found.group()[:2] for found in _SELLING.finditer(text)}
    return (len(kinds) > 1 or bool(_ALONE.search(text))) and not _COMPLAINT.search(text)
