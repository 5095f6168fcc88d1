# 崂先办：make up 起服务，make test 跑全部测试。其余目标见 make help。
PYTHON ?= python3
PORT ?= 8000
export PORT

.PHONY: up setup test lint bench bench-cases soak train train-env help
.DEFAULT_GOAL := help

up: setup ## 准备环境并在前台运行全部进程（PORT=8000）
	@exec .venv/bin/python -m ops.up

setup: ## 只准备两个环境 .venv 和 .venv-bot
	@$(PYTHON) ops/setup.py app bot

test: ## 全部测试：单元、接口（SQLite 与 PostgreSQL）、对话、浏览器
	@$(PYTHON) ops/setup.py app bot dev
	@exec .venv/bin/python -m ops.checks

lint: ## 只查格式、类型和房间之间的箭头
	@$(PYTHON) ops/setup.py app dev
	@exec .venv/bin/python -m ops.checks --lint

bench: ## 速度和质量的对比表（含 JSON）
	@$(PYTHON) ops/setup.py app bot dev train
	@exec .venv/bin/python -m ops.bench

bench-cases: ## 一百万件时办件和查件有多快（自带 PostgreSQL，约 15 分钟；少一些：ARGS="--cases 50000"）
	@$(PYTHON) ops/setup.py app
	@exec .venv/bin/python -m ops.bench_cases $(ARGS)

soak: ## 二十人同时、一千场对话：没有丢的、重的，内存不涨（约 15 分钟）
	@$(PYTHON) ops/setup.py app bot dev
	@exec .venv/bin/python -m ops.soak

train: ## 用仓库自己的数据重新训练判读模型
	@$(PYTHON) ops/setup.py app train
	@exec .venv/bin/python -m training.make_default

train-env: ## 只准备训练环境（torch）
	@$(PYTHON) ops/setup.py app train

help:
	@grep -E '^[a-z-]+:.*##' Makefile | sed 's/:.*##/\t/'
