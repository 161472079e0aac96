package buildcontext

import (
	"archive/tar"
	"archive/zip"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/moby/patternmatcher"

	"github.com/tokendocker/tokendocker/internal/buildspec"
)

// date is that of everything in a pack, so that equal contexts give equal packs: the first that a zip file can hold.
var date = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)

// shared are the mode bits that depend on who checked the files out and not on what they are: the rights to write of
// group and others, which the umask decides. They are packed, as docker would send them, but do not count in the hash.
const shared = 0o022

// Pack writes the context and returns its hash, 64 hexadecimal digits: of names, kinds, modes, links and contents,
// the same on every machine.
func (c Context) Pack(w io.Writer) (string, error) {
	if err := c.Check(); err != nil {
		return "", err
	}
	r, err := c.rules()
	if err != nil {
		return "", err
	}
	z := zip.NewWriter(w)
	entry, err := z.CreateHeader(&zip.FileHeader{Name: buildspec.Archive, Method: zip.Deflate, Modified: date})
	if err != nil {
		return "", err
	}
	p := &packer{context: c, rules: r, tar: tar.NewWriter(entry), hash: sha256.New(), names: map[inode]string{}}
	if err := p.folder("", patternmatcher.MatchInfo{}); err != nil {
		return "", err
	}
	if err := cmp.Or(p.tar.Close(), z.Close()); err != nil {
		return "", err
	}
	return hex.EncodeToString(p.hash.Sum(nil)), nil
}

// packer walks a context.
type packer struct {
	context Context
	rules   rules
	tar     *tar.Writer
	hash    hash.Hash
	names   map[inode]string // first name of each file that has several
	pending []*tar.Header    // ignored folders on the way to the current path, which go in when something inside does
}

// folder packs what is in a folder, in the order of names. parent is what the patterns say of the folder itself.
func (p *packer) folder(name string, parent patternmatcher.MatchInfo) error {
	entries, err := os.ReadDir(p.context.at(name))
	if err != nil {
		return fmt.Errorf("Path: folder %q cannot be read: %w", name, err)
	}
	for _, entry := range entries {
		if err := p.entry(path.Join(name, entry.Name()), entry, parent); err != nil {
			return err
		}
	}
	return nil
}

// entry packs one path, as docker does: an ignored file stays out, and so does an ignored folder, unless a pattern
// brings something inside it back.
func (p *packer) entry(name string, entry fs.DirEntry, parent patternmatcher.MatchInfo) error {
	if name == p.rules.skip {
		return nil
	}
	ignored, match, err := p.rules.ignored.MatchesUsingParentResults(filepath.FromSlash(name), parent)
	if err != nil {
		return fmt.Errorf("ignore patterns on %q: %w", name, err)
	}
	ignored = ignored && !p.rules.keeps(name)
	header, err := p.header(name, entry)
	if err != nil || header == nil {
		return err
	}
	switch {
	case !entry.IsDir() && ignored:
		return nil
	case !entry.IsDir():
		return p.write(header, entry)
	case !ignored:
		if err := p.write(header, entry); err != nil {
			return err
		}
		return p.folder(name, match)
	}
	if !p.rules.reach(name) {
		return nil
	}
	p.pending = append(p.pending, header)
	depth := len(p.pending)
	err = p.folder(name, match)
	if len(p.pending) >= depth { // nothing inside went in
		p.pending = p.pending[:depth-1]
	}
	return err
}

// header describes a path; nil means that docker leaves it out too.
func (p *packer) header(name string, entry fs.DirEntry) (*tar.Header, error) {
	info, err := entry.Info()
	if err != nil {
		return nil, fmt.Errorf("Path: %q cannot be read: %w", name, err)
	}
	h := &tar.Header{Name: name, Mode: int64(info.Mode().Perm()), ModTime: date, Format: tar.FormatPAX}
	for bit, mode := range map[fs.FileMode]int64{fs.ModeSetuid: 0o4000, fs.ModeSetgid: 0o2000, fs.ModeSticky: 0o1000} {
		if info.Mode()&bit != 0 {
			h.Mode |= mode
		}
	}
	switch info.Mode().Type() {
	case fs.ModeDir:
		h.Typeflag, h.Name = tar.TypeDir, name+"/"
	case fs.ModeSymlink:
		h.Typeflag, h.Mode = tar.TypeSymlink, 0o777
		if h.Linkname, err = os.Readlink(p.context.at(name)); err != nil {
			return nil, fmt.Errorf("Path: link %q cannot be read: %w", name, err)
		}
		h.Linkname = filepath.ToSlash(h.Linkname)
	case fs.ModeNamedPipe:
		h.Typeflag = tar.TypeFifo
	case 0:
		h.Typeflag, h.Size = tar.TypeReg, info.Size()
	case fs.ModeSocket:
		return nil, nil
	default:
		return nil, fmt.Errorf("Path: %q is a device, which does not travel: leave it out with an ignore file", name)
	}
	return h, nil
}

// write packs a path, after the folders that it is in.
func (p *packer) write(h *tar.Header, entry fs.DirEntry) error {
	waiting := p.pending
	p.pending = nil
	for _, folder := range append(waiting, h) {
		p.text(folder.Name)
		p.text(folder.Linkname)
		p.number(uint64(folder.Typeflag))
		p.number(uint64(folder.Mode &^ shared))
		p.number(uint64(folder.Size))
		if folder.Typeflag == tar.TypeReg {
			return p.file(h, entry)
		}
		if err := p.tar.WriteHeader(folder); err != nil {
			return fmt.Errorf("pack %q: %w", h.Name, err)
		}
	}
	return nil
}

// file packs a file. Its further names are packed as links to the first, as docker does, but count as files of their
// own: whether two names are one file is up to this machine.
func (p *packer) file(h *tar.Header, entry fs.DirEntry) error {
	file, err := os.Open(p.context.at(h.Name))
	if err != nil {
		return fmt.Errorf("Path: %q cannot be read: %w", h.Name, err)
	}
	defer file.Close() //nolint:errcheck // only read from
	size, out := h.Size, io.Writer(p.tar)
	if first, again := p.first(h.Name, entry); again {
		h.Typeflag, h.Linkname, h.Size, out = tar.TypeLink, first, 0, io.Discard
	}
	if err := p.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("pack %q: %w", h.Name, err)
	}
	n, err := io.Copy(io.MultiWriter(out, p.hash), file)
	switch {
	case err == nil && n != size, errors.Is(err, tar.ErrWriteTooLong):
		return fmt.Errorf("Path: %q changed while it was read: synthesize again", h.Name)
	case err != nil:
		return fmt.Errorf("Path: %q cannot be read: %w", h.Name, err)
	}
	return nil
}

// first is the name under which a file was packed already.
func (p *packer) first(name string, entry fs.DirEntry) (string, bool) {
	info, err := entry.Info()
	if err != nil {
		return "", false
	}
	id, several := inodeOf(info)
	if !several {
		return "", false
	}
	first, again := p.names[id]
	if !again {
		p.names[id] = name
	}
	return first, again
}

// text and number count in the hash, a text with its length before it.
func (p *packer) text(s string) {
	p.number(uint64(len(s)))
	p.hash.Write([]byte(s))
}

func (p *packer) number(n uint64) {
	var bytes [8]byte
	binary.BigEndian.PutUint64(bytes[:], n)
	p.hash.Write(bytes[:])
}
