package handler

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/tokendocker/tokendocker/internal/contract"
)

// The response URL is as good as the right to answer. It is shown where the request is written for the machine and
// where the answer is uploaded, and nowhere else.
func TestRevealIsCounted(t *testing.T) {
	found := map[string]int{}
	for _, root := range []string{".", filepath.Join("..", "..", "cmd", "handler")} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Reveal" {
					found[filepath.ToSlash(path)]++
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(found) != 2 || found["request.go"] != 1 || found["clients/responder.go"] != 1 {
		t.Errorf("Reveal is used in %v", found)
	}
}

func TestBuildID(t *testing.T) {
	const id = "td-1:0a1b2c3d-0000-4000-8000-0123456789ab"
	for _, c := range []struct{ project, text, want string }{
		{"td-1", `{"Build":{"Arn":"arn:aws:codebuild:eu-west-1:1:build/` + id + `"}}`, id},
		{"td-1", id, id},
		{"td-1", `{"Build":{"Id":"td-2:0a1b2c3d-0000-4000-8000-0123456789ab"}}`, ""},
		{"td-1", "no id", ""},
		{"", id, ""},
		{"a.c", "abc:0a1b2c3d-0000-4000-8000-0123456789ab", ""},
	} {
		if got := buildID(c.project, c.text); got != c.want {
			t.Errorf("%s in %s: got %q", c.project, c.text, got)
		}
	}
}

func TestSigned(t *testing.T) {
	for url, want := range map[string]time.Time{
		"https://b.s3.amazonaws.com/k?X-Amz-Date=20261121T100000Z&X-Amz-Expires=7200": time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC),
		"https://b.s3.amazonaws.com/k?AWSAccessKeyId=A&Expires=1":                     {},
		"::": {},
	} {
		if got := signed(url); !got.Equal(want) {
			t.Errorf("%s: got %v", url, got)
		}
	}
}

func TestLateness(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		now  time.Time
		sent time.Time
		want int
	}{
		{at, at, 0}, {at.Add(29 * time.Second), at, 0}, {at.Add(3 * time.Minute), at, 180},
		{at.Add(-time.Hour), at, 0}, {at, time.Time{}, 0},
	} {
		if got := lateness(c.now, c.sent); got != c.want {
			t.Errorf("%v after %v: got %d", c.now, c.sent, got)
		}
	}
}

func TestPrintable(t *testing.T) {
	if got, want := printable("a\tb\r\nc\x00\x1b[31m\u200b\xff ü 漢 🙂\n"), "a b \nc[31m ü 漢 🙂\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCompose(t *testing.T) {
	tail := strings.Split(strings.Repeat("line with \"quotes\"\n", 400), "\n")
	text := compose("It failed.", tail, "Whole log: here", 2000)
	if n := contract.Escaped(text); n > 2000 || n < 1900 {
		t.Errorf("%d bytes of 2000 used", n)
	}
	if !strings.HasPrefix(text, "It failed.\nLast output:\nline") || !strings.HasSuffix(text, "\nWhole log: here") {
		t.Errorf("text %q", text)
	}
	if got := compose("It failed.", nil, "", 0); got != "It failed." {
		t.Errorf("got %q", got)
	}
}

func TestShorten(t *testing.T) {
	for _, s := range []string{"", "short", strings.Repeat("a", 9000), strings.Repeat("\"\n", 3000), strings.Repeat("漢🙂", 2000)} {
		got := shorten(s, 1000)
		if n := contract.Escaped(got); n > 1000 || !strings.HasPrefix(s, got) || !utf8.ValidString(got) {
			t.Errorf("%d bytes from %d", n, len(s))
		}
		if contract.Escaped(s) > 1000 && contract.Escaped(got) < 900 {
			t.Errorf("only %d bytes are left of %d", contract.Escaped(got), len(s))
		}
	}
}

func TestBudget(t *testing.T) {
	at := time.Date(2026, 11, 21, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		left                  time.Duration
		wanted                int
		seconds, build, queue int
		ok                    bool
	}{
		{37 * time.Minute, 30, 36 * 60, 30, 31, true},
		{12 * time.Minute, 5, 11 * 60, 5, 6, true},
		{20 * time.Minute, 30, 19 * 60, 19, 14, true},
		{6*time.Minute + 59*time.Second, 30, 5*60 + 59, 5, 5, true},
		{6 * time.Minute, 30, 300, 5, 5, true},
		{6*time.Minute - time.Second, 30, 0, 0, 0, false},
		{-time.Minute, 30, 0, 0, 0, false},
	} {
		seconds, build, queue, ok := clock{now: at, deadline: at.Add(c.left)}.budget(c.wanted)
		if seconds != c.seconds || build != c.build || queue != c.queue || ok != c.ok {
			t.Errorf("%v left of %d minutes: %d %d %d %v", c.left, c.wanted, seconds, build, queue, ok)
		}
	}
}
