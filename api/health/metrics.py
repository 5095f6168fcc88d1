"""Prometheus metrics of this process."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)

REQUESTS = Counter("laoxian_http_requests", "HTTP 请求数", ["method", "route", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "laoxian_http_request_seconds", "HTTP 请求耗时（秒）", ["method", "route"], buckets=_BUCKETS, registry=REGISTRY
)
TURN_SECONDS = Histogram("laoxian_chat_turn_seconds", "一轮对话耗时（秒）", buckets=_BUCKETS, registry=REGISTRY)
CASES_FILED = Counter("laoxian_cases_filed", "提交的诉求件数", ["source", "urgency"], registry=REGISTRY)
OUTBOX_BACKLOG = Gauge("laoxian_outbox_backlog", "等待投递的事件数", registry=REGISTRY)
UNSENT = Gauge("laoxian_deliveries_failing", "送过而还没送成的条数", ["sink"], registry=REGISTRY)
