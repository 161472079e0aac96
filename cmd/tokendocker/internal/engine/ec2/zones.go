package ec2

// Zones returns the availability zones of a region: three, as most regions have.
// Source: AWS General Reference, "AWS Regions and Availability Zones".
func Zones(region string) []string { return []string{region + "a", region + "b", region + "c"} }
