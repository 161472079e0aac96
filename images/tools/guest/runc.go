package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const realRunc = "/usr/sbin/runc"

// capabilities are the kernel's names in the order of their bits (linux/capability.h).
var capabilities = strings.Fields(`CAP_CHOWN CAP_DAC_OVERRIDE CAP_DAC_READ_SEARCH CAP_FOWNER CAP_FSETID CAP_KILL CAP_SETGID
	CAP_SETUID CAP_SETPCAP CAP_LINUX_IMMUTABLE CAP_NET_BIND_SERVICE CAP_NET_BROADCAST CAP_NET_ADMIN CAP_NET_RAW
	CAP_IPC_LOCK CAP_IPC_OWNER CAP_SYS_MODULE CAP_SYS_RAWIO CAP_SYS_CHROOT CAP_SYS_PTRACE CAP_SYS_PACCT CAP_SYS_ADMIN
	CAP_SYS_BOOT CAP_SYS_NICE CAP_SYS_RESOURCE CAP_SYS_TIME CAP_SYS_TTY_CONFIG CAP_MKNOD CAP_LEASE CAP_AUDIT_WRITE
	CAP_AUDIT_CONTROL CAP_SETFCAP CAP_MAC_OVERRIDE CAP_MAC_ADMIN CAP_SYSLOG CAP_WAKE_ALARM CAP_BLOCK_SUSPEND
	CAP_AUDIT_READ CAP_PERFMON CAP_BPF CAP_CHECKPOINT_RESTORE`)

// runc becomes the real runc, after it took from the container's configuration what this container cannot give: every
// capability that it does not have itself, and access to all devices. A docker daemon asks for both for a privileged
// container, as BuildKit's is, and the real runc fails if it cannot have them.
func runc(args []string) error {
	bounding, err := boundingSet()
	if err != nil {
		return err
	}
	for i, arg := range args {
		flag, value, found := strings.Cut(arg, "=")
		if !found && i+1 < len(args) {
			value = args[i+1]
		}
		switch flag {
		case "--bundle", "-b":
			err = limit(filepath.Join(value, "config.json"), bounding)
		case "--process", "-p":
			err = limit(value, bounding)
		}
		if err != nil {
			return err
		}
	}
	return syscall.Exec(realRunc, append([]string{"runc"}, args...), os.Environ())
}

// boundingSet reads which capabilities a process of this container can have at most.
func boundingSet() (map[string]bool, error) {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return nil, err
	}
	_, after, _ := strings.Cut(string(status), "\nCapBnd:")
	line, _, _ := strings.Cut(after, "\n")
	bits, err := strconv.ParseUint(strings.TrimSpace(line), 16, 64)
	if err != nil {
		return nil, fmt.Errorf("reading the capability bounding set: %w", err)
	}
	set := map[string]bool{}
	for i, name := range capabilities {
		set[name] = bits&(1<<i) != 0
	}
	return set, nil
}

// limit rewrites an OCI config.json, or the process.json of an exec: only allowed capabilities stay, and a rule that
// opens all devices becomes commonDevices.
func limit(path string, allowed map[string]bool) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var document map[string]any
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&document); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	process := document
	if inner, ok := document["process"].(map[string]any); ok {
		process = inner
	}
	limitCapabilities(process, allowed)
	limitDevices(document)
	if text, err = json.Marshal(document); err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

func limitCapabilities(process map[string]any, allowed map[string]bool) {
	sets, _ := process["capabilities"].(map[string]any)
	for name, value := range sets {
		list, _ := value.([]any)
		kept := []any{}
		for _, c := range list {
			if s, ok := c.(string); ok && allowed[s] {
				kept = append(kept, s)
			}
		}
		sets[name] = kept
	}
}

// commonDevices are the rules for a container that is not privileged: every device may be made, and null, zero, full,
// random, urandom, tty, console, ptmx and pseudo terminals may be used. The sandbox's containers have these themselves.
const commonDevices = `[
	{"allow":false,"access":"rwm"},
	{"allow":true,"type":"c","access":"m"},
	{"allow":true,"type":"b","access":"m"},
	{"allow":true,"type":"c","major":1,"minor":3,"access":"rwm"},
	{"allow":true,"type":"c","major":1,"minor":5,"access":"rwm"},
	{"allow":true,"type":"c","major":1,"minor":7,"access":"rwm"},
	{"allow":true,"type":"c","major":1,"minor":8,"access":"rwm"},
	{"allow":true,"type":"c","major":1,"minor":9,"access":"rwm"},
	{"allow":true,"type":"c","major":5,"minor":0,"access":"rwm"},
	{"allow":true,"type":"c","major":5,"minor":1,"access":"rwm"},
	{"allow":true,"type":"c","major":5,"minor":2,"access":"rwm"},
	{"allow":true,"type":"c","major":136,"access":"rwm"}
]`

func limitDevices(document map[string]any) {
	linux, _ := document["linux"].(map[string]any)
	resources, _ := linux["resources"].(map[string]any)
	rules, _ := resources["devices"].([]any)
	for _, r := range rules {
		rule, ok := r.(map[string]any)
		if ok && rule["allow"] == true && rule["major"] == nil && rule["minor"] == nil && (rule["type"] == nil || rule["type"] == "a") {
			resources["devices"] = json.RawMessage(commonDevices)
			return
		}
	}
}
