//go:build unix

package buildcontext

import (
	"io/fs"
	"syscall"
)

// inode tells files apart that have more than one name; ok is false for those that have one.
type inode struct{ device, number uint64 }

func inodeOf(info fs.FileInfo) (inode, bool) {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok || stat.Nlink < 2 {
		return inode{}, false
	}
	return inode{uint64(stat.Dev), stat.Ino}, true //nolint:unconvert // a signed number on other systems
}
