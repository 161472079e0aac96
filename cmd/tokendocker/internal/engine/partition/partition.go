// Package partition knows AWS's partitions: which regions are theirs, and how their host names end.
//
// Source: AWS General Reference, "Amazon Resource Names (ARNs)"; aws-sdk-go-v2, internal/endpoints.
package partition

import (
	"regexp"
	"strings"
)

// standard is the partition of all regions that are in none of the others.
const standard, standardSuffix = "aws", "amazonaws.com"

// others are the partitions beside it, by how the names of their regions begin.
var others = []struct{ regions, name, suffix string }{
	{"cn-", "aws-cn", "amazonaws.com.cn"},
	{"us-gov-", "aws-us-gov", "amazonaws.com"},
	{"us-iso-", "aws-iso", "c2s.ic.gov"},
	{"us-isob-", "aws-iso-b", "sc2s.sgov.gov"},
	{"eusc-", "aws-eusc", "amazonaws.eu"},
}

var regionForm = regexp.MustCompile(`^[a-z]{2,4}(-[a-z]+)+-[0-9]+$`)

// IsRegion reports whether a text has the form of a region's name.
func IsRegion(text string) bool { return regionForm.MatchString(text) }

// Of returns the partition of a region and the suffix of its host names: "aws" and "amazonaws.com" for "eu-west-1".
func Of(region string) (name, suffix string) {
	for _, p := range others {
		if strings.HasPrefix(region, p.regions) {
			return p.name, p.suffix
		}
	}
	return standard, standardSuffix
}

// Suffix returns the suffix of a partition's host names, that of "aws" for one that is not known.
func Suffix(name string) string {
	for _, p := range others {
		if name == p.name {
			return p.suffix
		}
	}
	return standardSuffix
}
