package hosthandler

import (
	"encoding/hex"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
)

func TestUnpack(t *testing.T) {
	dir := t.TempDir()
	builds, err := Unpack(dir)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOARCH != "amd64" {
		if len(builds) != 0 {
			t.Errorf("%s has host builds %v", runtime.GOARCH, builds)
		}
		return
	}
	for shipped, program := range builds {
		if sum, err := hex.DecodeString(shipped); err != nil || len(sum) != 32 {
			t.Errorf("%q is no sha256", shipped)
		}
		out, err := exec.CommandContext(t.Context(), program).CombinedOutput()
		if err == nil || !strings.Contains(string(out), "MACHINE_ARN is not set") {
			t.Errorf("the program says %q (%v)", out, err)
		}
	}
	again, err := Unpack(dir)
	if err != nil || len(again) != 1 {
		t.Errorf("second time: %v %v", again, err)
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("files left: %v", files)
	}
}
