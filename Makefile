# Every target works from a bare clone with Python >= 3.11 and make: it creates .venv and installs what it needs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Files that say what is installed: training with preparation, or everything (see pyproject.toml).
TRAIN := $(VENV)/.installed-train
DEV := $(VENV)/.installed-dev
SEED ?= 0
SOURCE ?= ../shared/data/modelnet10
OUTPUT ?= outputs/modelnet10
METHOD ?= crossmost
TOWER ?=
QUICK := outputs/quickstart
# Asked when a recipe runs. The precision is bf16 where the CPU has instructions for it, else fp32: without them bf16 is slow.
MACHINE := $(BIN)/python -c "from modeling_crossmost.utils import machine; print(machine
CORES := $$($(MACHINE).available_cores())")
CPU_PRECISION := $$($(MACHINE).cpu_precision())")
# glibc keeps freed memory for the next step instead of returning it and faulting every page in again: half of the time of
# PointNet++ MSG, whose activations are hundreds of megabytes.
LAUNCH = MALLOC_MMAP_THRESHOLD_=4294967296 MALLOC_TRIM_THRESHOLD_=8589934592 $(BIN)/accelerate launch --num_processes 1 --num_machines 1 --mixed_precision $(or $(PRECISION),no) --dynamo_backend no \
	--num_cpu_threads_per_process $(or $(THREADS),1)

# A process per core; a file's tests stay together because they share models and data.
PARALLEL := -n auto --maxprocesses 4 --dist loadfile

export TOKENIZERS_PARALLELISM := false
export HF_HUB_DISABLE_TELEMETRY := 1

.PHONY: help install quickstart _crossmost _baseline test test-slow smoke quality style mini pictures modelnet10 clean

help:
	@echo "quickstart  label-free self-training of the mini checkpoint on embedded data (about 12 minutes, CPU)"
	@echo "test        the default tests          test-slow  the slow ones too"
	@echo "smoke       train, stop, resume, evaluate, reload in under a minute"
	@echo "quality     ruff and mypy              style      format in place"
	@echo "mini        remakes assets/crossmost-mini from nothing"
	@echo "pictures    draws the pictures of the README"
	@echo "modelnet10  SOURCE=DIR OUTPUT=DIR [SEED=0]  the paper's ModelNet10 experiment with the mini checkpoint"
	@echo "            METHOD=supervised|pointcmt [TOWER=pointnet2_msg]  the same with labels"

install: $(DEV)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "error: Python 3.11 or newer is needed, $(PYTHON) is older: make PYTHON=python3.12 ..."; exit 2; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip

$(VENV)/.installed-%: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet -e '.[$*]'
	@touch $@

quickstart: $(TRAIN)
	@echo "Quick start: generates 5,000 furniture scans, then trains the bundled checkpoint on them without labels, twice"
	@echo "at the same time: Cross-MoST here, each modality alone (baseline) beside it, with a log in $(QUICK)."
	@echo "About 12 minutes on two CPU cores; nothing is downloaded. A table compares both at the end."
	@mkdir -p $(QUICK)
	@$(BIN)/python -c "from dataset_scripts.furniture.pairs import cached_furniture; cached_furniture('scan')"
	@$(MAKE) --no-print-directory --jobs 2 _crossmost _baseline RUNS=$(QUICK) RUN_OPTIONS="--seed $(SEED)"
	@$(BIN)/python -m modeling_crossmost table $(QUICK)/baseline $(QUICK)/crossmost

# Two runs at once with a thread each are done before two in turn with two threads: these towers are small.
_crossmost:
	$(LAUNCH) train.py $(RECIPE) $(RUN_OPTIONS) --output_dir $(RUNS)/crossmost

_baseline:
	@$(LAUNCH) train.py $(BASELINE_RECIPE) $(RUN_OPTIONS) --method baseline --output_dir $(RUNS)/baseline >$(RUNS)/baseline.log 2>&1 || \
		{ tail -n 20 $(RUNS)/baseline.log; exit 1; }

test: $(DEV)
	$(BIN)/python -m pytest $(PARALLEL)

test-slow: $(DEV)
	$(BIN)/python -m pytest $(PARALLEL) -m "not gpu"

smoke: $(DEV)
	$(BIN)/python -m pytest tests/test_train.py -k smoke

quality: $(DEV)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

style: $(DEV)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Embedded furniture "clean" -> tokenizer and untrained towers -> text tower -> image tower in three stages (the small
# CLIP) -> point tower in two (ULIP): recipes/mini_<stage>.yaml, each starting from the folder of the stage before. The
# recipes count on two processes, which share a batch.
MINI := outputs/mini
mini: PRECISION ?= $(CPU_PRECISION)
MINI_TRAIN := ACCELERATE_USE_CPU=true OMP_NUM_THREADS=1 $(BIN)/python -m torch.distributed.run --standalone --nproc_per_node 2 train.py
mini: $(TRAIN)
	$(BIN)/python -m dataset_scripts furniture --config clean --objects-per-class 1600 --output $(MINI)/furniture
	$(BIN)/python -m modeling_crossmost.training.mini --dataset $(MINI)/furniture --output $(MINI)/start
	@set -e; export ACCELERATE_MIXED_PRECISION=$(PRECISION); before=start; set -x; \
	for stage in text clip views tune ulip again; do \
		$(MINI_TRAIN) recipes/mini_$$stage.yaml --dataset $(MINI)/furniture --model_name_or_path $(MINI)/$$before \
			--output_dir $(MINI)/$$stage; \
		before=$$stage; \
	done; \
	$(BIN)/python -m modeling_crossmost.training.mini --install $(MINI)/$$before --output assets/crossmost-mini

# The README's drawings; its curves and matrices are pictures of the runs that its results name.
pictures: $(TRAIN)
	$(BIN)/python assets/draw.py

# Evaluates on <class>/test where there is one, else on a held-out fifth of <class>/train. METHOD=supervised or pointcmt
# learns from the labels, with the mini checkpoint's point tower or a new one (TOWER), which is large: it takes all cores
# and, where the CPU has it, bf16, and the largest one fewer epochs, so that a run on two cores ends within an hour.
modelnet10: THREADS ?= $(if $(TOWER),$(CORES))
modelnet10: PRECISION ?= $(if $(TOWER),$(CPU_PRECISION))
modelnet10: EPOCHS ?= $(if $(filter pointnet2_msg,$(TOWER)),8)
modelnet10: $(TRAIN)
	@set -e; \
	if ls $(SOURCE)/*/test/* >/dev/null 2>&1; then split=test; holdout=0; else split=holdout; holdout=0.2; fi; \
	set -x; \
	$(BIN)/python -m dataset_scripts folder --source $(SOURCE) --output $(OUTPUT)/pairs --up-axis z \
		--image-size 64 --holdout $$holdout --preview; \
	if [ $(METHOD) != crossmost ]; then \
		$(LAUNCH) train.py recipes/pointcmt_modelnet10.yaml --method $(METHOD) --dataset $(OUTPUT)/pairs \
			--eval_split $$split --seed $(SEED) --output_dir $(OUTPUT)/$(METHOD) \
			$(addprefix --point_tower ,$(TOWER)) $(addprefix --num_train_epochs ,$(EPOCHS)); \
		exit; \
	fi; \
	$(MAKE) --no-print-directory --jobs 2 _crossmost _baseline RUNS=$(OUTPUT) \
		RECIPE=recipes/modelnet10.yaml BASELINE_RECIPE=recipes/modelnet10_baseline.yaml \
		RUN_OPTIONS="--dataset $(OUTPUT)/pairs --eval_split $$split --seed $(SEED)"; \
	set +x; \
	$(BIN)/python -m modeling_crossmost table $(OUTPUT)/baseline $(OUTPUT)/crossmost

clean:
	rm -rf outputs
