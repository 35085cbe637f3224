# devvm. Explicit lists; outputs lie flat in build/, objects in build/obj.
#
#   make           build everything          make check   install what tests need, run all tests
#   make deps      build dependencies (apt)   make lint    format, analysers, headers, layers
#   make install   DESTDIR= PREFIX=           make demo    a host, a roster, a first login
#                                             make bench   figures beside peers

VERSION     := 0.1.0
PREFIX      ?= /usr
DESTDIR     ?=
SYSCONFDIR  ?= /etc
MULTIARCH   := $(shell $(CC) -print-multiarch 2>/dev/null)
SECURITYDIR ?= $(PREFIX)/lib/$(MULTIARCH)/security
UNITDIR     ?= $(PREFIX)/lib/systemd/system
LIBEXECDIR  := $(PREFIX)/libexec/devvm
SHAREDIR    := $(PREFIX)/share
BUILD       := build

CC       ?= gcc
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wswitch-enum -Wvla -Wformat=2
HARDEN   := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection \
            -ftrivial-auto-var-init=zero
CFLAGS   ?= -O2 -g
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -DDEVVM_VERSION='"$(VERSION)"' -Ihelper -I. \
             $(WARNINGS) $(CFLAGS) $(HARDEN) -fPIC -ffunction-sections -fdata-sections \
             -MMD -MP
LDFLAGS  ?=
ALL_LDFLAGS = $(LDFLAGS) -Wl,-z,relro,-z,now -Wl,--as-needed
ifeq ($(CI),true)
WARNINGS += -Werror
endif

# V=1 shows the commands.
ifneq ($(V),1)
QUIET_CC = @echo "  CC    $<";
QUIET_AR = @echo "  AR    $$@";
QUIET_LD = @echo "  LD    $@";
endif

# ---- what there is ---------------------------------------------------------------------
# Layers, lowest first. A program links them highest first, so a call upward does not link.
# SOURCES-BEGIN
base_SOURCES := helper/base/clock.c helper/base/digest.c helper/base/env.c helper/base/error.c \
                helper/base/file.c helper/base/home.c helper/base/log.c helper/base/packages.c \
                helper/base/proc.c helper/base/process.c helper/base/str.c helper/base/yaml.c \
                helper/base/yaml_parse.c helper/base/yaml_text.c
wire_SOURCES := helper/wire/ask.c helper/wire/client.c helper/wire/proto.c helper/wire/record.c \
                helper/wire/status.c helper/wire/status_json.c helper/wire/ticket.c
fetch_SOURCES := helper/fetch/curl.c helper/fetch/fetch.c
config_SOURCES := helper/config/config.c helper/config/config_good.c \
                  helper/config/config_mirrors.c helper/config/config_protect.c \
                  helper/config/config_rows.c helper/config/config_secrets.c \
                  helper/config/config_tools.c helper/config/config_tree.c \
                  helper/config/config_update.c helper/config/config_values.c
store_SOURCES := helper/store/node.c helper/store/package.c helper/store/stage.c \
                 helper/store/store.c helper/store/tree.c helper/store/tree_digest.c
t3_SOURCES := helper/t3/activity.c helper/t3/alive.c helper/t3/credential.c helper/t3/front.c \
              helper/t3/front_listen.c helper/t3/listener.c helper/t3/pairing.c \
              helper/t3/program.c helper/t3/state.c helper/t3/websocket.c
roster_SOURCES := helper/roster/derive.c helper/roster/derive_json.c helper/roster/roster.c \
                  helper/roster/roster_fields.c helper/roster/roster_trust.c \
                  helper/roster/roster_words.c helper/roster/ssh_key.c helper/roster/tiers.c \
                  helper/roster/validate.c
ledger_SOURCES := helper/ledger/backups.c helper/ledger/copy.c helper/ledger/deferrals.c \
                  helper/ledger/events.c helper/ledger/gates.c helper/ledger/installs.c \
                  helper/ledger/known_bad.c helper/ledger/ledger.c helper/ledger/looks.c \
                  helper/ledger/mirrors_log.c helper/ledger/moves.c helper/ledger/origin.c \
                  helper/ledger/people.c helper/ledger/restores.c helper/ledger/schema.c \
                  helper/ledger/secrets_log.c helper/ledger/sql.c helper/ledger/steps_log.c \
                  helper/ledger/tokens.c helper/ledger/tools_log.c helper/ledger/unfinished.c \
                  helper/ledger/update_log.c helper/ledger/update_notes.c helper/ledger/watches.c
update_SOURCES := helper/update/candidate.c helper/update/freeze.c helper/update/order.c \
                  helper/update/outcome.c helper/update/rules.c helper/update/spare.c \
                  helper/update/version.c helper/update/window.c
units_SOURCES := helper/units/cgroup.c helper/units/manager.c helper/units/units.c
secrets_SOURCES := helper/secrets/secrets.c helper/secrets/vault.c
steps_SOURCES := helper/steps/account.c helper/steps/claude.c helper/steps/claude_cache.c \
                 helper/steps/claude_installer.c helper/steps/code.c helper/steps/codex.c \
                 helper/steps/deny.c helper/steps/door.c helper/steps/due.c helper/steps/envfile.c \
                 helper/steps/facts.c helper/steps/fence.c helper/steps/groups.c \
                 helper/steps/hold.c helper/steps/instance.c helper/steps/instance_units.c \
                 helper/steps/item.c helper/steps/keep.c helper/steps/keys.c \
                 helper/steps/launcher.c helper/steps/leave.c helper/steps/legacy_use.c \
                 helper/steps/limits.c helper/steps/listing.c helper/steps/lock.c \
                 helper/steps/maps.c helper/steps/mirror_result.c helper/steps/mirror_run.c \
                 helper/steps/mirrors.c helper/steps/nginx_sockets.c helper/steps/nginx_user.c \
                 helper/steps/path.c helper/steps/playwright_mcp.c \
                 helper/steps/playwright_server.c helper/steps/playwright_token.c \
                 helper/steps/ports.c helper/steps/protect.c helper/steps/protect_tree.c \
                 helper/steps/resolving.c helper/steps/retire_legacy.c helper/steps/secrets_step.c \
                 helper/steps/settle.c helper/steps/settle_note.c helper/steps/sshd.c \
                 helper/steps/staging.c helper/steps/steps.c helper/steps/t3_pointer.c \
                 helper/steps/ticket.c helper/steps/token.c helper/steps/tool_stage.c \
                 helper/steps/tools.c helper/steps/unit_run.c helper/steps/update_timer.c \
                 helper/steps/view.c helper/steps/withdraw.c helper/steps/work.c
gate_SOURCES := helper/gate/box.c helper/gate/check.c helper/gate/database.c helper/gate/gate.c \
                helper/gate/probe.c helper/gate/result.c helper/gate/verdict.c
move_SOURCES := helper/move/back.c helper/move/between.c helper/move/busy.c helper/move/copying.c \
                helper/move/insist.c helper/move/letin.c helper/move/look.c helper/move/move.c \
                helper/move/moving.c helper/move/placing.c helper/move/still.c \
                helper/move/systemctl.c helper/move/turn.c helper/move/watchdog.c \
                helper/move/worked.c
rollout_SOURCES := helper/rollout/back.c helper/rollout/bad.c helper/rollout/canary.c \
                   helper/rollout/drain.c helper/rollout/facts.c helper/rollout/gate.c \
                   helper/rollout/gating.c helper/rollout/notify.c helper/rollout/people.c \
                   helper/rollout/proven.c helper/rollout/prune.c helper/rollout/recover.c \
                   helper/rollout/rollout.c helper/rollout/run.c helper/rollout/stage.c \
                   helper/rollout/waiting.c
daemon_SOURCES := helper/daemon/answer.c helper/daemon/backups.c helper/daemon/connection.c \
                  helper/daemon/daemon.c helper/daemon/feed.c helper/daemon/homes.c \
                  helper/daemon/instances.c helper/daemon/job_unit.c helper/daemon/knock.c \
                  helper/daemon/listen.c helper/daemon/mint.c helper/daemon/mirrors.c \
                  helper/daemon/notice.c helper/daemon/offboard.c helper/daemon/people_update.c \
                  helper/daemon/policy.c helper/daemon/programs.c helper/daemon/queue.c \
                  helper/daemon/report.c helper/daemon/reports.c helper/daemon/request.c \
                  helper/daemon/rollouts.c helper/daemon/schedule.c helper/daemon/secrets.c \
                  helper/daemon/server.c helper/daemon/session.c helper/daemon/status.c \
                  helper/daemon/store.c helper/daemon/update.c helper/daemon/verbs.c \
                  helper/daemon/versions.c helper/daemon/wait.c helper/daemon/watch.c \
                  helper/daemon/work.c
job_SOURCES := helper/job/archive.c helper/job/backup.c helper/job/drain.c helper/job/gate.c \
               helper/job/gate_check.c helper/job/guard.c helper/job/hold.c helper/job/home.c \
               helper/job/idle.c helper/job/install.c helper/job/leftovers.c helper/job/machine.c \
               helper/job/mirror.c helper/job/notify.c helper/job/npm.c helper/job/offboard.c \
               helper/job/offboard_look.c helper/job/packages.c helper/job/pass.c \
               helper/job/protect.c helper/job/rclone.c helper/job/reconcile.c \
               helper/job/recover.c helper/job/report.c helper/job/resolve.c helper/job/restore.c \
               helper/job/restore_finish.c helper/job/restore_permit.c \
               helper/job/restore_version.c helper/job/restoring.c helper/job/settings.c \
               helper/job/settle.c helper/job/stage.c helper/job/sync.c helper/job/sync_ports.c \
               helper/job/sync_row.c helper/job/update.c helper/job/watch.c helper/job/watch_one.c \
               helper/job/watch_tell.c
ctl_SOURCES := helper/ctl/bar.c helper/ctl/cmd_backups.c helper/ctl/cmd_doctor.c \
               helper/ctl/cmd_ensure.c helper/ctl/cmd_events.c helper/ctl/cmd_freeze.c \
               helper/ctl/cmd_gate.c helper/ctl/cmd_install.c helper/ctl/cmd_mint.c \
               helper/ctl/cmd_mirrors.c helper/ctl/cmd_offboard.c helper/ctl/cmd_offline.c \
               helper/ctl/cmd_pam.c helper/ctl/cmd_reconcile.c helper/ctl/cmd_secrets.c \
               helper/ctl/cmd_status.c helper/ctl/cmd_update.c helper/ctl/cmd_update_person.c \
               helper/ctl/cmd_versions.c helper/ctl/cmd_wait.c helper/ctl/ctl.c \
               helper/ctl/doctor.c helper/ctl/doctor_door.c helper/ctl/doctor_machine.c \
               helper/ctl/doctor_person.c helper/ctl/doctor_programs.c helper/ctl/doctor_secrets.c \
               helper/ctl/follow.c helper/ctl/input.c helper/ctl/lines.c helper/ctl/online.c \
               helper/ctl/output.c helper/ctl/pam_stack.c helper/ctl/ports_json.c \
               helper/ctl/progress.c helper/ctl/rows.c helper/ctl/status_text.c \
               helper/ctl/update_end.c
agent_SOURCES := helper/agent/backup.c helper/agent/caller.c helper/agent/look.c \
                 helper/agent/mint.c helper/agent/playwright.c helper/agent/refuse.c \
                 helper/agent/restore.c helper/agent/snapshot.c helper/agent/t3.c \
                 helper/agent/terminal.c
dispatch_SOURCES := helper/dispatch/answer.c helper/dispatch/call.c helper/dispatch/door.c \
                    helper/dispatch/fcgi.c helper/dispatch/html.c helper/dispatch/keeper.c \
                    helper/dispatch/line.c helper/dispatch/page.c helper/dispatch/pair.c \
                    helper/dispatch/pairing.c helper/dispatch/people.c helper/dispatch/route.c \
                    helper/dispatch/server.c helper/dispatch/status_ask.c \
                    helper/dispatch/status_page.c helper/dispatch/status_rollouts.c \
                    helper/dispatch/visit.c helper/dispatch/work.c
pam_SOURCES := pam_devvm/ask.c pam_devvm/denial.c pam_devvm/options.c pam_devvm/outcome.c \
               pam_devvm/pam_devvm.c pam_devvm/ticket.c
# SOURCES-END

LAYERS   := base wire fetch config store t3 update roster ledger units secrets steps gate move rollout
lib       = $(BUILD)/obj/lib$(1).a
# The archives of a program: its own top layer, then all below, highest first.
BELOW_TOP = $(call lib,rollout) $(call lib,move) $(call lib,gate) $(call lib,steps) $(call lib,secrets) $(call lib,units) $(call lib,ledger) $(call lib,roster) \
            $(call lib,update) $(call lib,t3) $(call lib,store) $(call lib,config) $(call lib,fetch) $(call lib,wire) $(call lib,base)
# What the front door links.
BELOW_DISPATCH = $(call lib,t3) $(call lib,config) $(call lib,fetch) $(call lib,wire) $(call lib,base)
# What people's own small programs link.
BELOW_AGENT = $(call lib,t3) $(call lib,store) $(call lib,config) $(call lib,fetch) $(call lib,wire) $(call lib,base)
LIBS     := -lsystemd -lsqlite3 -lyaml -ljansson -lcrypto

PROGRAMS := $(BUILD)/devvm-helperd $(BUILD)/devvm-job $(BUILD)/devvmctl $(BUILD)/devvm-agent \
            $(BUILD)/devvm-dispatch
MODULE   := $(BUILD)/pam_devvm.so

.PHONY: all
all: $(PROGRAMS) $(MODULE)

# ---- objects and archives --------------------------------------------------------------
objects = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) $(ALL_CFLAGS) -c $< -o $@

define archive_rule
$(call lib,$(1)): $$(call objects,$$($(1)_SOURCES))
	@rm -f $$@
	$(QUIET_AR)ar rcs $$@ $$^
endef
$(foreach layer,$(LAYERS) daemon job ctl agent dispatch,$(eval $(call archive_rule,$(layer))))

$(BUILD)/devvm-helperd: $(call objects,helper/daemon/main.c) $(call lib,daemon) $(BELOW_TOP)
	$(QUIET_LD)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(LIBS)
$(BUILD)/devvm-job: $(call objects,helper/job/main.c) $(call lib,job) $(BELOW_TOP)
	$(QUIET_LD)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(LIBS)
$(BUILD)/devvmctl: $(call objects,helper/ctl/main.c) $(call lib,ctl) $(BELOW_TOP)
	$(QUIET_LD)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(LIBS)

$(BUILD)/devvm-agent: $(call objects,helper/agent/main.c) $(call lib,agent) $(BELOW_AGENT)
	$(QUIET_LD)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(LIBS)

$(BUILD)/devvm-dispatch: $(call objects,helper/dispatch/main.c) $(call lib,dispatch) $(BELOW_DISPATCH)
	$(QUIET_LD)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(LIBS)

# The module links libpam and libc, wire, and the little of base they need. Each program that
# asks for PAM maps it anew: with code and constants in one mapping (noseparate-code) loading has
# touched what a login runs, which is a page fault less in the login, about 10 us of its 35.
$(MODULE): $(call objects,$(pam_SOURCES)) $(call lib,wire) $(call lib,base) pam_devvm/pam_devvm.map
	$(QUIET_LD)$(CC) $(ALL_LDFLAGS) -shared -Wl,-z,noseparate-code -Wl,--gc-sections \
		-Wl,--version-script=pam_devvm/pam_devvm.map -Wl,-z,defs -o $@ $(filter %.o %.a,$^) -lpam

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)

# ---- install ---------------------------------------------------------------------------
UNITS   := $(wildcard units/*.service units/*.socket units/*.timer)
MAN5    := $(wildcard docs/man/*.5)
MAN8    := $(wildcard docs/man/*.8)

.PHONY: install
install: all
	install -d $(DESTDIR)$(SECURITYDIR) $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBEXECDIR) \
		$(DESTDIR)$(UNITDIR) $(DESTDIR)$(PREFIX)/lib/sysusers.d \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d $(DESTDIR)$(SHAREDIR)/pam-configs \
		$(DESTDIR)$(SHAREDIR)/devvm/skel $(DESTDIR)$(SHAREDIR)/devvm/nginx $(DESTDIR)$(SHAREDIR)/doc/devvm \
		$(DESTDIR)$(SHAREDIR)/man/man5 $(DESTDIR)$(SHAREDIR)/man/man8 \
		$(DESTDIR)$(SYSCONFDIR)/profile.d $(DESTDIR)$(SYSCONFDIR)/devvm $(DESTDIR)$(SYSCONFDIR)/pam.d
	install -m 0644 $(MODULE) $(DESTDIR)$(SECURITYDIR)/pam_devvm.so
	install -m 0755 $(BUILD)/devvmctl $(DESTDIR)$(PREFIX)/bin/devvmctl
	install -m 0755 $(BUILD)/devvm-helperd $(BUILD)/devvm-job $(BUILD)/devvm-agent \
		$(BUILD)/devvm-dispatch $(DESTDIR)$(LIBEXECDIR)/
	install -m 0644 conf/nginx/devvm.conf $(DESTDIR)$(SHAREDIR)/devvm/nginx/devvm.conf
	install -m 0644 conf/socket-activation.cjs $(DESTDIR)$(LIBEXECDIR)/
	ln -sfn ../libexec/devvm/devvm-agent $(DESTDIR)$(PREFIX)/bin/t3
	install -m 0644 $(UNITS) $(DESTDIR)$(UNITDIR)/
	install -m 0644 conf/sysusers.d/devvm.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/devvm.conf
	install -m 0644 conf/tmpfiles.d/devvm.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/devvm.conf
	install -m 0644 conf/pam-configs/devvm conf/pam-configs/devvm-denied \
		$(DESTDIR)$(SHAREDIR)/pam-configs/
	install -m 0644 conf/pam.d/devvm-terminal $(DESTDIR)$(SYSCONFDIR)/pam.d/devvm-terminal
	install -m 0644 conf/profile.d/devvm.sh $(DESTDIR)$(SYSCONFDIR)/profile.d/devvm.sh
	install -m 0644 conf/skel/.zshrc $(DESTDIR)$(SHAREDIR)/devvm/skel/.zshrc
	install -m 0644 conf/start-claude.sh $(DESTDIR)$(SHAREDIR)/devvm/start-claude.sh
	install -m 0644 conf/roster.example.yaml docs/OPERATIONS.md docs/FRONT-DOOR.md docs/UPDATES.md $(DESTDIR)$(SHAREDIR)/doc/devvm/
	install -d $(DESTDIR)$(SHAREDIR)/doc/devvm/img
	install -m 0644 docs/img/*.png $(DESTDIR)$(SHAREDIR)/doc/devvm/img/
	install -m 0644 $(MAN5) $(DESTDIR)$(SHAREDIR)/man/man5/
	install -m 0644 $(MAN8) $(DESTDIR)$(SHAREDIR)/man/man8/
	test -e $(DESTDIR)$(SYSCONFDIR)/devvm/devvm.yaml || \
		install -m 0644 conf/devvm.yaml $(DESTDIR)$(SYSCONFDIR)/devvm/devvm.yaml

# Takes away what install brought; /etc/devvm, the ledger and everything of people stay.
.PHONY: uninstall
uninstall:
	rm -f $(DESTDIR)$(SECURITYDIR)/pam_devvm.so $(DESTDIR)$(PREFIX)/bin/devvmctl \
		$(DESTDIR)$(PREFIX)/bin/t3 \
		$(patsubst units/%,$(DESTDIR)$(UNITDIR)/%,$(UNITS)) \
		$(DESTDIR)$(PREFIX)/lib/sysusers.d/devvm.conf \
		$(DESTDIR)$(PREFIX)/lib/tmpfiles.d/devvm.conf \
		$(DESTDIR)$(SHAREDIR)/pam-configs/devvm $(DESTDIR)$(SHAREDIR)/pam-configs/devvm-denied \
		$(DESTDIR)$(SYSCONFDIR)/profile.d/devvm.sh $(DESTDIR)$(SYSCONFDIR)/pam.d/devvm-terminal \
		$(patsubst docs/man/%.5,$(DESTDIR)$(SHAREDIR)/man/man5/%.5,$(MAN5)) \
		$(patsubst docs/man/%.8,$(DESTDIR)$(SHAREDIR)/man/man8/%.8,$(MAN8))
	rm -rf $(DESTDIR)$(LIBEXECDIR) $(DESTDIR)$(SHAREDIR)/devvm $(DESTDIR)$(SHAREDIR)/doc/devvm

# ---- dependencies ----------------------------------------------------------------------
BUILD_PACKAGES := build-essential pkg-config libpam0g-dev libyaml-dev libsystemd-dev \
                  libsqlite3-dev libjansson-dev libssl-dev libcurl4-openssl-dev \
                  libcmocka-dev
TEST_PACKAGES  := btrfs-progs caddy nodejs zsh dash strace git rsync python3 curl openssh-client util-linux iproute2 procps \
                  openssl libpam-runtime libpam-modules libpam-systemd
LINT_PACKAGES  := clang-format clang-tidy cppcheck shellcheck mandoc python3

.PHONY: deps test-deps bench-deps lint-deps
deps:
	apt-get update -q
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		$(BUILD_PACKAGES)
test-deps: deps
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		$(TEST_PACKAGES) $$(tests/host/host packages)
bench-deps: test-deps
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends golang-go wrk
lint-deps: deps
	DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
		$(LINT_PACKAGES)

# ---- tests -----------------------------------------------------------------------------
# TESTS-BEGIN
support_SOURCES := tests/unit/answering.c tests/unit/scratch.c
UNIT_TESTS := test_account test_activity test_alive test_answer test_backups test_between \
              test_busy test_candidate test_cgroup test_claude test_claude_cache \
              test_claude_installer test_client test_clock test_cmd_offline test_code test_codex \
              test_config test_config_good test_config_mirrors test_config_tree test_copy \
              test_copying test_credential test_ctl_doctor test_ctl_mirrors test_ctl_online \
              test_ctl_pam test_ctl_status test_ctl_update test_ctl_wait test_curl test_deferrals \
              test_deny test_derive test_digest test_dispatch_server test_dispatch_work test_door \
              test_door_people test_due test_env test_envfile test_error test_events test_facts \
              test_fcgi test_fence test_fetch test_file test_flights test_freeze test_front \
              test_front_listen test_gate test_gate_box test_gate_database test_gate_probe \
              test_gate_result test_gate_verdict test_gates test_groups test_guard test_hold \
              test_home test_installs test_instance test_instances test_item test_keep test_keeper \
              test_keys test_knock test_known_bad test_launcher test_leave test_ledger \
              test_legacy_use test_limits test_line test_listener test_listing test_lock test_log \
              test_look test_looks test_manager test_maps test_mint test_mirror_result \
              test_mirror_run test_mirrors test_mirrors_log test_move test_move_back test_moves \
              test_nginx_sockets test_nginx_user test_node test_notify test_order test_origin \
              test_outcome test_output test_package test_packages test_page test_pair test_pairing \
              test_pass test_path test_people test_people_update test_playwright \
              test_playwright_mcp test_playwright_token test_policy test_ports test_proc \
              test_process test_programs test_progress test_protect_tree test_proto \
              test_protocol_doc test_queue test_rclone test_record test_refuse test_report \
              test_resolving test_restore_finish test_restore_place test_restores \
              test_retire_legacy test_rollout_bad test_rollout_drain test_rollout_notify \
              test_rollout_prune test_rollout_run test_rollout_waiting test_roster \
              test_roster_fields test_roster_trust test_route test_rules test_schema test_secret \
              test_secrets test_server test_session test_settle test_snapshot test_spare \
              test_ssh_key test_staging test_state test_status test_status_page \
              test_status_rollouts test_steps test_steps_log test_store test_str test_sync \
              test_sync_ports test_sync_row test_t3 test_terminal test_ticket test_ticket_codec \
              test_tiers test_token test_tokens test_tools test_tree test_turn test_unfinished \
              test_unit_run test_units test_update_log test_update_notes test_update_timer \
              test_update_verbs test_validate test_vault test_version test_view test_wait \
              test_watch test_watchdog test_watches test_websocket test_window test_worked \
              test_yaml
FUZZ_TARGETS := fuzz_answer fuzz_fcgi fuzz_record fuzz_request fuzz_version fuzz_yaml_roster
FAULT_TESTS := fault test_daemon_clients test_kill
# TESTS-END

# Tests are built with the sanitizers, from objects and archives of their own.
SAN      := $(BUILD)/san
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined
san_objects = $(patsubst %.c,$(SAN)/%.o,$(1))

$(SAN)/%.o: %.c
	@mkdir -p $(@D)
	$(QUIET_CC)$(CC) -std=gnu17 -D_GNU_SOURCE -DDEVVM_VERSION='"$(VERSION)"' -Ihelper -I. \
		-Ipam_devvm -Itests/unit $(WARNINGS) -O1 -g $(SANITIZE) -MMD -MP -c $< -o $@

define san_archive_rule
$(SAN)/lib$(1).a: $$(call san_objects,$$($(1)_SOURCES))
	@rm -f $$@
	$$(QUIET_AR)ar rcs $$@ $$^
endef
$(foreach layer,$(LAYERS) daemon job ctl agent dispatch support,$(eval $(call san_archive_rule,$(layer))))

SAN_LIBS := $(foreach layer,support agent dispatch ctl job daemon rollout move gate steps secrets units ledger roster update t3 store config \
              fetch wire base,\
              $(SAN)/lib$(layer).a)


.SECONDARY:
UNIT_PROGRAMS := $(patsubst %,$(BUILD)/unit/%,$(UNIT_TESTS))
FAULT_PROGRAMS := $(patsubst %,$(BUILD)/fault/%,$(FAULT_TESTS))
FUZZ_PROGRAMS := $(patsubst %,$(BUILD)/fuzz/%,$(FUZZ_TARGETS))

$(BUILD)/unit/%: $(SAN)/tests/unit/%.o $(SAN_LIBS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(SANITIZE) -o $@ $< $(SAN_LIBS) $(LIBS) -lcmocka -lutil
$(BUILD)/fault/%: $(SAN)/tests/fault/%.o $(SAN)/tests/fault/wrap.o tests/fault/wrap.args $(SAN_LIBS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(SANITIZE) -o $@ $(filter %.o,$^) $(SAN_LIBS) $(LIBS) -lcmocka \
		@tests/fault/wrap.args
$(BUILD)/fuzz/%: $(SAN)/tests/fuzz/%.o $(SAN)/tests/fuzz/driver.o $(SAN_LIBS)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(SANITIZE) -o $@ $(filter %.o,$^) $(SAN_LIBS) $(LIBS)

# The PAM module is driven as it is installed, so these link without the sanitizers.
PAM_SUPPORT   := $(call objects,tests/pam/fake.c tests/pam/login.c tests/pam/stage.c)
PAM_PROGRAMS  := $(BUILD)/test/test_pam $(BUILD)/test/test_pam_account
$(BUILD)/test/%: $(BUILD)/obj/tests/pam/%.o $(PAM_SUPPORT) $(BELOW_TOP)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) -pie -o $@ $^ $(LIBS) -lcmocka -lpam -lutil
$(BUILD)/bench_pam: $(call objects,tests/bench/bench_pam.c tests/pam/fake.c tests/pam/stage.c) $(BELOW_TOP)
	$(QUIET_LD)$(CC) -pie -o $@ $^ $(LIBS) -lpam -lutil
$(BUILD)/bench_derive: $(call objects,tests/bench/bench_derive.c) $(BELOW_TOP)
	$(QUIET_LD)$(CC) -pie -o $@ $^ $(LIBS)

# What cases put into a host to ask a module that has no verb.
HOST_PROGRAMS := $(BUILD)/host/turn
$(BUILD)/host/%: $(BUILD)/obj/tests/host/%.o $(call lib,job) $(BELOW_TOP)
	@mkdir -p $(@D)
	$(QUIET_LD)$(CC) $(ALL_LDFLAGS) -pie -o $@ $^ $(LIBS)

FUZZ_RUNS     := $(foreach target,$(FUZZ_TARGETS),"$(BUILD)/fuzz/$(target) tests/fuzz/corpus/$(target:fuzz_%=%)")
SCRIPT_TESTS  := tests/unit/profile_d.sh tests/unit/launcher.sh tests/unit/socket_activation.py
SUITES        ?= bookworm,trixie

.PHONY: check unit pam fuzz fault host test-programs
test-programs: $(UNIT_PROGRAMS) $(FUZZ_PROGRAMS) $(FAULT_PROGRAMS) $(PAM_PROGRAMS) $(HOST_PROGRAMS)
check: test-deps
	$(MAKE) -j$$(nproc) all test-programs
	JOBS=3 tests/run --host $(SUITES) $(UNIT_PROGRAMS) $(SCRIPT_TESTS) $(FAULT_PROGRAMS) \
		$(FUZZ_RUNS) $(PAM_PROGRAMS)
unit: all $(UNIT_PROGRAMS)
	tests/run $(UNIT_PROGRAMS) $(SCRIPT_TESTS)
fault: $(FAULT_PROGRAMS)
	tests/run $(FAULT_PROGRAMS)
fuzz: $(FUZZ_PROGRAMS)
	tests/run $(FUZZ_RUNS)
pam: all $(PAM_PROGRAMS)
	tests/run $(PAM_PROGRAMS)
host: all $(HOST_PROGRAMS)
	tests/host/run --suite $(SUITES)

.PHONY: demo bench
demo: test-deps
	$(MAKE) -j$$(nproc) all
	tests/host/demo
bench: test-deps
	$(MAKE) all $(BUILD)/bench_pam $(BUILD)/bench_derive
	@echo "== open_session, one module a stack"; $(BUILD)/bench_pam $(MODULE)
	@echo "== roster"; tests/bench/derive $(BUILD)/bench_derive
	@echo "== a real host"; tests/bench/host
	@echo "== what a person waits for"; tests/bench/person
	@echo "== a backup under a writer"; tests/bench/backup
	$(MAKE) bench-door
.PHONY: bench-door
bench-door: all bench-deps
	@echo "== the front door"; tests/bench/door

# ---- lint ------------------------------------------------------------------------------
C_FILES := $(sort $(foreach layer,$(LAYERS) daemon job ctl agent dispatch pam,$($(layer)_SOURCES))) helper/daemon/main.c helper/job/main.c \
             helper/ctl/main.c helper/agent/main.c helper/dispatch/main.c
H_FILES := $(sort $(wildcard helper/*/*.h pam_devvm/*.h))
ALL_C   := $(C_FILES) $(H_FILES) $(wildcard tests/*/*.c tests/*/*.h)
SH_FILES := .ci/run tests/run tests/host/host tests/host/lib.sh tests/host/programs.sh tests/host/run \
            tests/host/case.sh tests/host/updates.sh tests/host/demo tests/bench/roster.sh tests/bench/derive tests/bench/host \
            tests/bench/backup tests/bench/door tests/bench/person conf/profile.d/devvm.sh conf/start-claude.sh tests/unit/profile_d.sh \
            tests/unit/launcher.sh tests/lint/layers tests/standin/t3/make $(wildcard tests/host/cases/*)
LINT_FLAGS := -std=gnu17 -D_GNU_SOURCE -DDEVVM_VERSION='"$(VERSION)"' -Ihelper -I. -Ipam_devvm

.PHONY: lint lint-format lint-tidy lint-cppcheck lint-analyzer lint-shell lint-headers lint-layers \
        lint-lists lint-man
lint: lint-format lint-headers lint-layers lint-lists lint-shell lint-man lint-cppcheck lint-tidy \
      lint-analyzer
	@echo "lint: clean"
lint-format:
	clang-format --dry-run -Werror $(ALL_C)
lint-headers:
	@for header in $(H_FILES); do \
		$(CC) $(LINT_FLAGS) $(WARNINGS) -Werror -fsyntax-only -x c $$header || exit 1; \
	done
# A layer includes itself and those below it, nothing else.
lint-layers:
	@tests/lint/layers
# Every source file is in a list, so none is forgotten in an archive.
lint-lists:
	@for file in $(wildcard helper/*/*.c pam_devvm/*.c); do \
		case " $(C_FILES) " in *" $$file "*) ;; *) echo "$$file is in no list"; exit 1;; esac; \
	done
lint-shell:
	shellcheck -x -e SC2119 $(SH_FILES)
lint-man:
	mandoc -T lint -W warning $(MAN5) $(MAN8)
	@tests/lint/man
# cppcheck does not know __attribute__((cleanup)) either.
lint-cppcheck:
	cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr \
		--error-exitcode=1 --suppress=missingIncludeSystem --suppress=memleak \
		--suppress=uninitvar --suppress=ctuuninitvar --include=/usr/include/$(MULTIARCH)/sys/queue.h \
		-D_GNU_SOURCE \
		-DDEVVM_VERSION='""' -Ihelper -I. $(C_FILES)
lint-tidy:
	clang-tidy --quiet $(C_FILES) -- $(LINT_FLAGS)
# What gcc 12's analyzer gets wrong about ownership that is handed over in arrays, lists and
# structs; the tests run with AddressSanitizer and its leak check instead.
ANALYZER_OFF := $(addprefix -Wno-analyzer-,malloc-leak use-of-uninitialized-value null-dereference \
                null-argument double-free use-after-free)
lint-analyzer:
	@for file in $(C_FILES); do \
		$(CC) $(LINT_FLAGS) -O2 -fanalyzer $(ANALYZER_OFF) -Werror -c $$file -o /dev/null \
			|| exit 1; \
	done

.PHONY: clean
clean:
	rm -rf $(BUILD)
