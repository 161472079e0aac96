package ec2

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// thing is one part of a network, as it is kept.
type thing struct {
	ID         string
	Kind       string // name of its kind
	Region     string
	VPC        string         // that it belongs to; empty: none
	Owner      string         // id of the thing that it comes and goes with; empty: it stands alone
	Token      string         // names who made it in which operation
	Ready      time.Time      // simulated; it works from then on
	Gone       bool           // it was deleted; its id is remembered
	Properties map[string]any // as templates have them
}

// text returns a scalar property, which templates may write as text, number or truth value. It is empty without one.
func (t thing) text(name string) string {
	switch v := t.Properties[name].(type) {
	case string:
		return v
	case bool, json.Number:
		return fmt.Sprint(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return ""
}

func (t thing) texts(name string) []string {
	list, _ := t.Properties[name].([]any)
	out := make([]string, 0, len(list))
	for _, item := range list {
		if s, ok := item.(string); ok {
			out = append(out, s)
		}
	}
	return out
}

func (t thing) flag(name string) bool { return t.text(name) == "true" }

func key(region, id string) string { return region + "/" + id }

// presence is what is known of an identifier.
type presence int

const (
	foreign presence = iota // no stack of the engine made it: it counts as there
	here
	gone
)

// find looks an identifier up.
func (r *Room) find(region, id string) (thing, presence) {
	t, found, err := r.things.Get(key(region, id))
	switch {
	case err != nil || !found:
		return thing{}, foreign
	case t.Gone:
		return t, gone
	}
	return t, here
}

// all returns the things of a kind in a region that keep accepts, in the order of their identifiers.
func (r *Room) all(region, kind string, keep func(thing) bool) []thing {
	var out []thing
	for _, t := range r.things.All() {
		if t.Region == region && t.Kind == kind && !t.Gone && keep(t) {
			out = append(out, t)
		}
	}
	return out
}

// owned returns what comes and goes with a thing.
func (r *Room) owned(t thing) []thing {
	var out []thing
	for _, o := range r.things.All() {
		if o.Region == t.Region && o.Owner == t.ID && !o.Gone {
			out = append(out, o)
		}
	}
	return out
}

func (r *Room) put(things ...thing) error {
	for _, t := range things {
		if err := r.things.Put(key(t.Region, t.ID), t); err != nil {
			return err
		}
	}
	return nil
}

// need fails with code if an identifier was one of ours and is no longer there.
func (r *Room) need(region, id, code, what string) error {
	if _, p := r.find(region, id); id != "" && p == gone {
		return protocol.Errorf(code, "The %s '%s' does not exist", what, id)
	}
	return nil
}

// identifier makes up an identifier that is the same for the same seeds in every rehearsal, and that nothing has now.
func (r *Room) identifier(region, prefix string, seeds ...string) string {
	for n := 0; ; n++ {
		sum := sha256.Sum256([]byte(strings.Join(append(slices.Clone(seeds), region, prefix, strconv.Itoa(n)), "\n")))
		id := prefix + "0" + hex.EncodeToString(sum[:8])
		if _, p := r.find(region, id); p != here {
			return id
		}
	}
}
