package ec2

import "strings"

// Zones returns the availability zones of a region: three, as most regions have.
// Source: AWS General Reference, "AWS Regions and Availability Zones".
func Zones(region string) []string { return []string{region + "a", region + "b", region + "c"} }

// ZoneID returns the id of a zone that Zones named, "use1-az1" for us-east-1a. In an account of one's own the letters
// may be dealt otherwise.
// Source: AWS RAM User Guide, "Availability Zone IDs for your AWS resources".
func ZoneID(zone string) string {
	if zone == "" {
		return ""
	}
	region, letter := zone[:len(zone)-1], zone[len(zone)-1]
	short := strings.NewReplacer("gov", "g", "north", "n", "south", "s", "east", "e", "west", "w", "central", "c", "-", "").Replace(region)
	return short + "-az" + string('1'+(letter-'a'))
}
