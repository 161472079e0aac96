package fault_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"github.com/tokendocker/tokendocker/internal/fault"
)

func TestErrorText(t *testing.T) {
	cases := []struct {
		name string
		err  fault.Error
		want string
	}{
		{"all", fault.Error{Op: "start the build of", Subject: "td-1", Err: io.EOF, Hint: "try again"}, "start the build of td-1: EOF; try again"},
		{"no subject", fault.Error{Op: "read the log", Err: io.EOF}, "read the log: EOF"},
		{"cause alone", fault.Error{Err: io.EOF}, "EOF"},
		{"no cause", fault.Error{Op: "no image in", Subject: "app", Hint: "deploy again"}, "no image in app; deploy again"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := c.err.Error(); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestKindOf(t *testing.T) {
	inner := &fault.Error{Kind: fault.Denied, Err: io.EOF}
	cases := []struct {
		name string
		err  error
		want fault.Kind
	}{
		{"nil", nil, ""},
		{"foreign", io.EOF, fault.Internal},
		{"own", inner, fault.Denied},
		{"wrapped", fmt.Errorf("more: %w", inner), fault.Denied},
		{"outer without a kind", &fault.Error{Op: "outer", Err: fmt.Errorf("more: %w", inner)}, fault.Denied},
		{"outer wins", &fault.Error{Kind: fault.Timeout, Err: inner}, fault.Timeout},
		{"kind nowhere", &fault.Error{Op: "x"}, fault.Internal},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got := fault.KindOf(c.err); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.err != nil && c.want == fault.Denied && !errors.Is(c.err, io.EOF) {
				t.Error("the cause is lost")
			}
		})
	}
}

// TestRedactedNeverLeaks prints a secret, alone and inside other values, by all verbs, by JSON, XML and slog.
func TestRedactedNeverLeaks(t *testing.T) {
	const text = "hunter2-https"
	type inner struct{ A fault.Redacted }
	type inside struct {
		URL  fault.Redacted
		List []fault.Redacted
		Map  map[fault.Redacted]fault.Redacted
		Ptr  *fault.Redacted
		low  fault.Redacted // fmt asks no method of an unexported field
	}
	secret := fault.Redact(text)
	value := inside{secret, []fault.Redacted{secret}, map[fault.Redacted]fault.Redacted{secret: secret}, &secret, secret}

	var out bytes.Buffer
	for _, v := range []any{secret, &secret, value, &value, fmt.Errorf("x: %v", secret), []any{secret}} {
		for verb := '!'; verb <= '~'; verb++ {
			for _, flags := range []string{"", "+", "#", "-20", ".3", "0", " "} {
				if verb != 'p' && verb != '%' {
					fmt.Fprintf(&out, "%"+flags+string(verb)+"\n", v)
				}
			}
		}
		for _, handler := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
			slog.New(handler).Info("m", "v", v, slog.Group("g", "v", v))
		}
		data, err := json.MarshalIndent(v, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		out.Write(data)
	}
	data, err := xml.Marshal(inner{secret})
	if err != nil {
		t.Fatal(err)
	}
	out.Write(data)

	for _, form := range []string{text, text[:3], fmt.Sprintf("%x", text), fmt.Sprintf("%X", text)[:8], "[104 117", "huntr"} {
		if strings.Contains(out.String(), form) {
			t.Errorf("%q leaked", form)
		}
	}
	if !strings.Contains(out.String(), "[redacted]") {
		t.Error("nothing was printed at all")
	}
	if secret.Reveal() != text || (fault.Redacted{}).Reveal() != "" {
		t.Error("Reveal does not reveal")
	}
}

func TestRedactedIsRead(t *testing.T) {
	var event struct{ ResponseURL fault.Redacted }
	if err := json.Unmarshal([]byte(`{"ResponseURL":"https://x"}`), &event); err != nil || event.ResponseURL.Reveal() != "https://x" {
		t.Errorf("%v, %q", err, event.ResponseURL.Reveal())
	}
	if err := json.Unmarshal([]byte(`{"ResponseURL":["hunter2"]}`), &event); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
}
