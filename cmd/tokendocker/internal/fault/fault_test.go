package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/fault"
)

func TestErrors(t *testing.T) {
	inner := fault.New(fault.Machine, "make room", "the disk of %s is full", "/state")
	for _, c := range []struct {
		name       string
		err        error
		kind       fault.Kind
		text, hint string
	}{
		{"none", nil, fault.Internal, "", ""},
		{"another error", fs.ErrNotExist, fault.Internal, "file does not exist", ""},
		{"as it is", inner, fault.Machine, "the disk of /state is full", "make room"},
		{"under others", fmt.Errorf("close: %w", errors.Join(fs.ErrClosed, inner)), fault.Machine, "close: file already closed\nthe disk of /state is full", "make room"},
		{"the outer kind, the inner hint", fault.Wrap(fault.Deploy, "", inner, "the deploy failed"), fault.Deploy,
			"the deploy failed: the disk of /state is full", "make room"},
		{"the outer hint", fault.Wrap(fault.Deploy, "try again", inner, "the deploy failed"), fault.Deploy,
			"the deploy failed: the disk of /state is full", "try again"},
		{"no hint at all", fault.Wrap(fault.Synth, "", fs.ErrNotExist, "no app"), fault.Synth, "no app: file does not exist", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := ""
			if c.err != nil {
				text = c.err.Error()
			}
			if text != c.text || fault.KindOf(c.err) != c.kind || fault.HintOf(c.err) != c.hint {
				t.Errorf("%q of kind %d with %q", text, fault.KindOf(c.err), fault.HintOf(c.err))
			}
		})
	}
	if wrapped := fault.Wrap(fault.Synth, "", fs.ErrNotExist, "no app"); !errors.Is(wrapped, fs.ErrNotExist) {
		t.Error("the cause is lost")
	}
}
