// Package state keeps what outlives one rehearsal: a folder with one database file that a single process may open,
// and files beside it. A process killed at any moment leaves it as it was after the last finished write.
package state

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// ErrBusy says that another process has the state folder open.
var ErrBusy = errors.New("state folder is in use by another process")

// Format counts the ways in which state folders have been written. What cannot go on with the folders of before takes
// the next number.
const Format = 2

// ErrFormat says that a state folder was written in another way than this version of the command does.
var ErrFormat = errors.New("state folder is of another format")

// Store is an open state folder, or a part of one.
type Store struct {
	dir  string
	part string // before the names of tables; empty: the whole
	db   *bbolt.DB
}

// Open opens the state folder dir, making it if it is missing. It fails with ErrBusy when another process has it
// open, with ErrFormat when another version of the command has written it, and with the system's error when it cannot be
// written.
func Open(dir string) (s *Store, err error) {
	defer func() {
		if damage := recover(); damage != nil { // bbolt's word for pages that are none
			s, err = nil, fmt.Errorf("open state: the file is damaged: %v", damage)
		}
	}()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	db, err := bbolt.Open(filepath.Join(dir, "state.db"), 0o600, &bbolt.Options{Timeout: 200 * time.Millisecond})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrBusy
	}
	if err != nil {
		return nil, fmt.Errorf("open state: %w", err)
	}
	if err := checkFormat(db); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &Store{dir: dir, db: db}, nil
}

// checkFormat writes the format into a new database, and looks for it in any other one.
func checkFormat(db *bbolt.DB) error {
	var bucket, key, want = []byte("state"), []byte("format"), []byte(strconv.Itoa(Format))
	return db.Update(func(tx *bbolt.Tx) error {
		if first, _ := tx.Cursor().First(); first == nil {
			b, err := tx.CreateBucket(bucket)
			if err != nil {
				return err
			}
			return b.Put(key, want)
		}
		if b := tx.Bucket(bucket); b == nil || !bytes.Equal(b.Get(key), want) {
			return ErrFormat
		}
		return nil
	})
}

// Close closes the store and gives the folder free.
func (s *Store) Close() error { return s.db.Close() }

// Part returns the part of the store called name: its tables and folders are its own. Closing the store closes its parts.
func (s *Store) Part(name string) *Store {
	return &Store{dir: filepath.Join(s.dir, name), part: s.part + name + "/", db: s.db}
}

// Dir returns the path of the folder called name inside the state folder, and makes it.
func (s *Store) Dir(name string) (string, error) {
	dir := filepath.Join(s.dir, name)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("make folder in state: %w", err)
	}
	return dir, nil
}

// Table is a named set of values of one type, each under a key.
type Table[T any] struct {
	db   *bbolt.DB
	name []byte
}

// NewTable returns the store's table called name. Two tables of one name share their values.
func NewTable[T any](s *Store, name string) (Table[T], error) {
	t := Table[T]{db: s.db, name: []byte(s.part + name)}
	err := s.db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(t.name)
		return err
	})
	if err != nil {
		return t, fmt.Errorf("open table %s: %w", name, err)
	}
	return t, nil
}

// Get returns the value under key, and whether there is one.
func (t Table[T]) Get(key string) (value T, found bool, err error) {
	err = t.db.View(func(tx *bbolt.Tx) error {
		raw := tx.Bucket(t.name).Get([]byte(key))
		if raw == nil {
			return nil
		}
		found = true
		return json.Unmarshal(raw, &value)
	})
	if err != nil {
		return value, found, fmt.Errorf("read %s/%s: %w", t.name, key, err)
	}
	return value, found, nil
}

// Put sets the value under key.
func (t Table[T]) Put(key string, value T) error {
	return t.Update(key, func(T, bool) (T, error) { return value, nil })
}

// Update changes the value under key in one step: change gets the present value and whether there is one, and
// returns the new one. If change fails nothing is written.
func (t Table[T]) Update(key string, change func(value T, found bool) (T, error)) error {
	return t.db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket(t.name)
		var value T
		raw := b.Get([]byte(key))
		if raw != nil {
			if err := json.Unmarshal(raw, &value); err != nil {
				return fmt.Errorf("read %s/%s: %w", t.name, key, err)
			}
		}
		value, err := change(value, raw != nil)
		if err != nil {
			return err
		}
		if raw, err = json.Marshal(value); err != nil {
			return fmt.Errorf("write %s/%s: %w", t.name, key, err)
		}
		return b.Put([]byte(key), raw)
	})
}

// Delete removes the value under key, if there is one.
func (t Table[T]) Delete(key string) error {
	return t.db.Update(func(tx *bbolt.Tx) error { return tx.Bucket(t.name).Delete([]byte(key)) })
}

// All returns every key with its value as they are now, in the keys' order. A value that cannot be read ends it;
// the store's own writes make that impossible.
func (t Table[T]) All() iter.Seq2[string, T] {
	type entry struct {
		key   string
		value T
	}
	return func(yield func(string, T) bool) {
		var entries []entry
		_ = t.db.View(func(tx *bbolt.Tx) error {
			return tx.Bucket(t.name).ForEach(func(k, raw []byte) error {
				e := entry{key: string(k)}
				if err := json.Unmarshal(raw, &e.value); err != nil {
					return err
				}
				entries = append(entries, e)
				return nil
			})
		})
		for _, e := range entries {
			if !yield(e.key, e.value) {
				return
			}
		}
	}
}
