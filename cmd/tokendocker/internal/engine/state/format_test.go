package state

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.etcd.io/bbolt"
)

// TestFormat: a folder is opened by the version that wrote it, and by no other.
func TestFormat(t *testing.T) {
	edit := func(t *testing.T, dir string, change func(*bbolt.Tx) error) {
		t.Helper()
		db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Update(change), db.Close()); err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name   string
		change func(*bbolt.Tx) error
		want   error
	}{
		{"its own", func(*bbolt.Tx) error { return nil }, nil},
		{"killed before anything was written", func(tx *bbolt.Tx) error { return tx.DeleteBucket([]byte("state")) }, nil},
		{"newer", func(tx *bbolt.Tx) error { return tx.Bucket([]byte("state")).Put([]byte("format"), []byte("1000")) }, ErrFormat},
		{"older than formats", func(tx *bbolt.Tx) error {
			_, err := tx.CreateBucket([]byte("stacks"))
			return errors.Join(err, tx.DeleteBucket([]byte("state")))
		}, ErrFormat},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			s, err := Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			edit(t, dir, c.change)
			if s, err = Open(dir); !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			if err == nil {
				_ = s.Close()
			}
		})
	}
}

// TestDamage: a file that holds nonsense is an error and no panic.
func TestDamage(t *testing.T) {
	dir := t.TempDir()
	s, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "state.db")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	copy(data[2*size:], bytes.Repeat([]byte("nonsense"), (len(data)-2*size)/8)) // behind the two pages that bbolt checks itself
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(dir); err == nil || !strings.Contains(err.Error(), "damaged") {
		t.Errorf("error %v", err)
	}
}
