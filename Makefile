# Every target works from a fresh clone; GNU Make 3.81 (macOS) is enough. `make` alone explains them.

SOURCE ?=
USERNAME ?=
SQL ?=
ITEMS ?= 5000
ONLY ?=
RESUME ?=
RUNS ?= 10
RECORDS ?= 100000
SEED ?=
KINDS ?=
WRITE ?=
STREAM ?=
FROM ?=
TO ?=
REREAD ?=
FROM_RAW ?=
FILE ?=
RUN ?=
COMMIT ?=
STEP ?=
ARCHITECTURE ?=
PULL_REQUEST ?=
# Said on make's command line alone: shells know a variable of this name, too.
ifneq ($(origin ENV),command line)
ENV :=
endif
# As it stands: a `$` in SQL is SQL's own.
export XMLIFT_SQL := $(value SQL)

# Nothing here may ever reach somebody's AWS account or be steered by their Terraform settings: the
# caller's AWS_* and TF_* variables end here. Only a Terraform CLI configuration that exists is kept,
# since it may name the company's provider mirror.
kept := $(if $(wildcard $(TF_CLI_CONFIG_FILE)),TF_CLI_CONFIG_FILE)
unexport $(filter-out $(kept),$(filter TF_%,$(.VARIABLES)))
# The exception: these verbs, alone on the command line, with an environment on AWS (ENV=dev), and the two that
# keep packages, with what makes them before (make package publish). They compare the account that the caller is signed in to before they do anything.
verbs_of_env := plan deploy drift rollback smoke status runs run backfill replay secret drop query rebuild-ledger
meant_for_aws := $(filter publish fetch,$(MAKECMDGOALS))$(if $(filter-out local,$(ENV)),$(filter $(verbs_of_env),$(MAKECMDGOALS)))
ifneq ($(filter-out $(verbs_of_env) package publish fetch,$(MAKECMDGOALS)),)
meant_for_aws :=
endif
ifeq ($(meant_for_aws),)
unexport $(filter AWS_%,$(.VARIABLES))
export AWS_CONFIG_FILE := /dev/null
export AWS_SHARED_CREDENTIALS_FILE := /dev/null
export AWS_EC2_METADATA_DISABLED := true
endif
comma := ,
# Where this is set, as in many containers, each of the processes that a test run starts would compile every library
# anew: pytest needs 6.9 s of CPU instead of 2.6 s to find the unit tests, and a verb of lift.py 1.1 s instead of 0.7 s.
unexport PYTHONDONTWRITEBYTECODE
export NO_PROXY := 127.0.0.1,localhost$(addprefix $(comma),$(or $(NO_PROXY),$(no_proxy)))
export no_proxy := $(NO_PROXY)

bin := .venv/bin
lift := $(bin)/python scripts/lift.py
streams = $(addprefix --stream ,$(STREAM))
# Of verbs that work on the local cloud where no environment is said.
env := $(if $(filter-out local,$(ENV)),--env $(ENV))
# Of verbs that work on AWS alone.
which_env = $(if $(ENV),--env $(ENV),$(error Say which environment: make $@ ENV=dev))
stamps := .venv/.installed .venvs/ministack/.installed .venvs/lambda/.installed
bench_stamps := $(patsubst build/requirements/bench-%.txt,.venvs/bench-%/.installed,$(wildcard build/requirements/bench-*.txt))
need_terraform := command -v terraform >/dev/null || \
  { echo 'Terraform was not found on PATH; make doctor says where to get it' >&2; exit 1; }

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup doctor package sbom demo up apply secret run status runs backfill replay drop rebuild-ledger tick query \
  down publish fetch plan deploy rollback drift smoke identity planned summary comment deployed newer record \
  drift-issue \
  validate generated checkov lint fmt test mutants permissions properties nightly rehearse grammar faults soak bench \
  bench-quick lock clean

help: ## explain the targets
	@echo 'make demo      from a fresh clone to rows in the warehouse; no AWS account, Docker or root needed'
	@echo 'make test      everything that continuous integration runs'
	@echo
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' Makefile

setup: $(stamps) ## install the locked tools into .venv and .venvs (instant when nothing changed)

.venv/.installed: build/requirements/dev.txt scripts/setup.sh
	@scripts/setup.sh .venv build/requirements/dev.txt
	@touch $@
.venvs/ministack/.installed: build/requirements/ministack.txt .venv/.installed
	@scripts/setup.sh .venvs/ministack build/requirements/ministack.txt
	@touch $@
.venvs/lambda/.installed: build/requirements/lambda-runtime.txt .venv/.installed
	@scripts/setup.sh .venvs/lambda build/requirements/lambda-runtime.txt
	@touch $@

.venvs/checkov/.installed: build/requirements/checkov.txt .venv/.installed
	@scripts/setup.sh .venvs/checkov build/requirements/checkov.txt
	@touch $@

.venvs/bench-%/.installed: build/requirements/bench-%.txt .venv/.installed
	@scripts/setup.sh $(@D) $<
	@touch $@

doctor: setup ## say what is missing on this machine, with the remedy
	@$(lift) doctor

package: setup ## build the functions' zips, their bills of materials and dist/manifest.json (ARCHITECTURE=arm64)
	@$(bin)/python build/package.py $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

sbom: package ## the libraries in the zips, with their licences (dist/*.cdx.json: CycloneDX)
	@$(bin)/python build/sbom.py

demo: setup ## start the local cloud, deploy to it, run some of its sources, show the rows (ITEMS=5000)
	@$(lift) demo --items $(ITEMS)

up: setup ## start the local cloud only
	@$(lift) up --items $(ITEMS)

apply: setup ## package, and deploy the local environment to the running local cloud
	@$(lift) apply

secret: setup ## give a source its credentials (SOURCE=tracker); asks for what its login needs (USERNAME=etl: the password alone)
	@$(lift) secret $(env) $(SOURCE) $(if $(USERNAME),--username $(USERNAME))

run: setup ## run the sources again and say what changed (SOURCE=ewm for one)
	@$(lift) run $(env) $(SOURCE)

status: setup ## how far every stream is loaded, what is missing, what goes on (SOURCE=ewm for one)
	@$(lift) status $(env) $(SOURCE)

runs: setup ## what ran and how it ended (SOURCE=ewm for one source, RUN=... for one run in full)
	@$(lift) runs $(env) $(or $(RUN),$(SOURCE))

backfill: setup ## read a range of the past (SOURCE=ewm FROM=2026-01-01 TO=2026-02-01; REREAD=1)
	@$(lift) backfill $(env) $(SOURCE) $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO)) $(streams) $(if $(REREAD),--reread)

replay: setup ## load what has landed and the warehouse lacks (SOURCE=ewm; FROM_RAW=1: parse kept answers anew, FROM=… TO=…)
	@$(lift) replay $(env) $(SOURCE) $(streams) $(if $(FROM_RAW),--from-raw $(if $(FROM),--from $(FROM)) $(if $(TO),--to $(TO)))

drop: setup ## put a file into a stream's inbox, and follow the run that it starts (FILE=prices.xml STREAM=parts.prices)
	@$(if $(and $(FILE),$(STREAM)),,echo 'Say which file, and for which stream: make drop FILE=prices.xml STREAM=parts.prices' >&2; exit 2;) \
	$(lift) drop $(env) "$(FILE)" "$(STREAM)"

rebuild-ledger: setup ## forget the ledger of a source and replay it (SOURCE=ewm); asks first
	@$(lift) rebuild-ledger $(env) $(SOURCE)

tick: setup ## let time pass at the endpoint: some items change, some are new
	@$(lift) tick

query: setup ## SQL prompt on the warehouse (SQL='select ...' for one answer)
	@$(lift) query $(env) $(if $(value SQL),"$$XMLIFT_SQL")

down: setup ## stop everything that was started, and remove its data
	@$(lift) down

publish: setup ## keep the packages of this commit in the artifact bucket, for every environment
	@$(lift) publish

fetch: setup ## get the packages of a commit into dist, each compared with manifest.json (COMMIT=...)
	@$(lift) fetch $(COMMIT)

plan: setup ## what an apply would change in an environment on AWS, kept for make deploy (ENV=dev)
	@$(need_terraform)
	@$(lift) plan $(which_env)

deploy: setup ## apply the plan that make plan has kept, and no other (ENV=dev)
	@$(need_terraform)
	@$(lift) deploy $(which_env)

rollback: setup ## make an earlier deployment live again, at once (ENV=dev TO=commit or number; LIST=1: show which)
	@$(lift) rollback $(env) $(if $(TO),--to $(TO)) $(if $(LIST),--list)

drift: setup ## whether an environment is as the code says (ENV=dev); .release/ENV/drift.json is there unless it failed
	@$(need_terraform)
	@$(lift) drift $(which_env)

# What workflows tell GitHub, and ask of it; whoever is signed in to gh can do the same.
identity: setup ## the role that a job takes on (ENV=dev STEP=plan)
	@$(lift) github identity $(which_env) --step $(or $(STEP),plan)

planned: setup ## whether the plan that make plan has kept changes anything (ENV=dev)
	@$(lift) github planned $(which_env)

summary: setup ## the plan that make plan has kept, as a page (ENV=dev)
	@$(lift) github summary $(which_env)

comment: setup ## the plans of all environments, as the one comment on a pull request (PULL_REQUEST=12 COMMIT=...)
	@$(lift) github comment --pull-request $(PULL_REQUEST) --commit $(COMMIT)

deployed: setup ## the commit that was last deployed, by GitHub's record (ENV=prod)
	@$(lift) github deployed $(which_env)

newer: setup ## refuse if an environment has a commit that this one does not contain, by GitHub's record (ENV=prod)
	@$(lift) github newer $(which_env)

record: setup ## write down at GitHub that an environment is as a commit says already (ENV=prod COMMIT=...)
	@$(lift) github record $(which_env) --commit $(COMMIT)

drift-issue: setup ## have an issue open while an environment drifts, by what make drift has found (ENV=prod)
	@$(lift) github drift-issue $(which_env)

smoke: setup ## before the first load of an environment: quotas, zones, certificates, secrets, one tiny load (ENV=dev SOURCE=ewm)
	@$(lift) smoke $(env) $(SOURCE)

validate: setup ## check the catalogue files without a cloud
	@$(lift) validate

checkov: setup .venvs/checkov/.installed ## what checkov has against the Terraform code and the plan of each environment
	@$(need_terraform)
	@PYTHONPATH=scripts:functions $(bin)/python -m tests.contract.checkov_scans

lint: setup .venvs/checkov/.installed ## style, types, layers, Terraform
	@$(need_terraform)
	$(bin)/ruff check .
	$(bin)/ruff format --check .
	$(bin)/mypy
	PYTHONPATH=functions $(bin)/lint-imports
	terraform fmt -check -recursive terraform
	@$(lift) validate --terraform
	@PYTHONPATH=scripts $(bin)/python -m describe.module_readmes --check
	$(bin)/actionlint -shellcheck=$(bin)/shellcheck
	$(bin)/zizmor --offline --quiet --no-progress --persona=pedantic .github
	$(bin)/check-jsonschema --quiet --builtin-schema vendor.renovate renovate.json

generated: setup ## write what is written from code: the modules' READMEs, the environments' inventories
	@$(need_terraform)
	@PYTHONPATH=scripts $(bin)/python -m describe.module_readmes
	@PYTHONPATH=scripts:functions $(bin)/python -m tests.contract.inventories

fmt: setup ## format Python and Terraform
	@$(need_terraform)
	$(bin)/ruff check --fix-only .
	$(bin)/ruff format .
	terraform fmt -recursive terraform

test: setup lint ## lint, package, then all tests: unit, contract, end to end on a local cloud
	@$(bin)/python build/package.py --local
	@$(bin)/python -m pytest -n auto --maxprocesses 4

mutants: setup ## break the protocol's rules one by one, and see the tests notice (ONLY=name; WRITE=1: into docs)
	@$(bin)/python -m tests.mutants $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write)

permissions: setup ## take each permission of each role away, and see it missed (ONLY=load:; RESUME=1; WRITE=1: into docs)
	@$(bin)/python build/package.py --local
	@PYTHONPATH=scripts:functions $(bin)/python -m tests.permissions $(if $(ONLY),--only "$(ONLY)") \
	  $(if $(RESUME),--resume) $(if $(WRITE),--write)

faults: setup ## one fault a run, then every table against the endpoint (SEED=1 RUNS=500 KINDS=… ONLY=n; WRITE=1: into docs)
	@$(bin)/python build/package.py --local
	@PYTHONPATH=scripts:functions $(bin)/python -m tests.faults $(if $(SEED),--seed $(SEED)) \
	  $(if $(filter file,$(origin RUNS)),,--runs $(RUNS)) $(if $(KINDS),--kinds $(KINDS)) \
	  $(if $(ONLY),--only $(ONLY)) $(if $(WRITE),--write)

soak: setup ## ten runs of 100,000 records: tables and memory checked (RUNS=10 RECORDS=100000; WRITE=1: into docs)
	@PYTHONPATH=scripts:functions $(bin)/python -m tests.soak --runs $(RUNS) --records $(RECORDS) $(if $(WRITE),--write)

bench: setup $(bench_stamps) ## speed, memory and cost beside other tools, into docs/performance.md; 15 minutes (ONLY=memory)
	@PYTHONPATH=scripts:functions $(bin)/python -m tests.bench --write $(if $(ONLY),--only $(ONLY))

bench-quick: setup $(bench_stamps) ## the same with fewer and smaller runs, save the pipeline, nothing written; two minutes (ONLY=memory)
	@PYTHONPATH=scripts:functions $(bin)/python -m tests.bench --quick $(if $(ONLY),--only $(ONLY))

rehearse: setup ## GitOps rehearsed: dev, staging and prod on local clouds, promotion, rollback, teardown; 15 minutes
	@$(need_terraform)
	@$(bin)/python -m pytest -x tests/rehearsal/gitops.py

grammar: setup ## every statement that the unit tests send, read by Redshift's grammar: the stand-in takes more than Redshift
	@PYTHONPATH=functions:scripts $(bin)/python -m tests.grammar

properties: setup ## the dear properties with many more examples than make test tries
	@XMLIFT_THOROUGH=1 $(bin)/python -m pytest -n auto --maxprocesses 4 tests/unit

nightly: mutants permissions faults soak properties rehearse checkov grammar ## what is too long for make test: mutants, permissions, faults, soak, a rehearsal, over an hour

lock: setup ## resolve the requirements anew (build/requirements, functions/*/requirements.txt)
	$(bin)/python build/lock.py

clean: ## stop the local cloud, then remove all that was built, except the virtual environments
	@[ ! -d .local ] || $(MAKE) down
	rm -rf dist .local .permissions .release .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache .venvs/terraform
