package main

import (
	"bytes"
	"testing"
)

func TestPackIsReproducible(t *testing.T) {
	program := bytes.Repeat([]byte("program"), 1000)
	a, err := pack(program)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pack(program)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Error("the same program gives two zips")
	}
	// Second and third field of the local header: time and date (PKWARE APPNOTE, 4.3.7): 1980-01-01 00:00.
	if got := a[10:14]; !bytes.Equal(got, []byte{0, 0, 0x21, 0}) {
		t.Errorf("time and date % x", got)
	}
}
