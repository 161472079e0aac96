package registry

import (
	"net"
	"regexp"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/partition"
)

var hostPattern = regexp.MustCompile(`^([0-9]{12})\.dkr\.ecr\.([a-z]{2,3}(?:-[a-z]+)+-[0-9]+)\.([a-z0-9.-]+)$`)

// Host is the registry of one account in one region.
type Host struct {
	Account string
	Region  string
	Suffix  string // "amazonaws.com"
}

// ParseHost reads a host name like 123456789012.dkr.ecr.us-east-1.amazonaws.com, with or without a port, and reports
// whether it is one.
func ParseHost(name string) (Host, bool) {
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	m := hostPattern.FindStringSubmatch(strings.ToLower(name))
	if m == nil {
		return Host{}, false
	}
	return Host{Account: m[1], Region: m[2], Suffix: m[3]}, true
}

// String returns the host name.
func (h Host) String() string {
	return h.Account + ".dkr.ecr." + h.Region + "." + h.Suffix
}

// ARN returns the ARN of the registry's repository called name.
func (h Host) ARN(name string) string {
	in, _ := partition.Of(h.Region)
	return "arn:" + in + ":ecr:" + h.Region + ":" + h.Account + ":repository/" + name
}

// splitARN returns the parts of a repository's ARN.
func splitARN(arn string) (account, region, name string) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 {
		return "", "", ""
	}
	return parts[4], parts[3], strings.TrimPrefix(parts[5], "repository/")
}
