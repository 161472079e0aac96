package ec2

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// Sizes of VPCs and subnets. Source: Amazon VPC User Guide, "VPC CIDR blocks".
const widest, narrowest = 16, 28

// block reads an IPv4 range of a size that VPCs and subnets may have.
func block(text, code string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() || p.Masked() != p || p.Bits() < widest || p.Bits() > narrowest {
		return p, protocol.Errorf(code, "The CIDR '%s' is invalid.", text)
	}
	return p, nil
}

func checkVPC(_ *Room, t thing) error {
	if t.text("CidrBlock") == "" {
		return nil // of a pool
	}
	_, err := block(t.text("CidrBlock"), "InvalidVpc.Range")
	return err
}

// madeVPC are a VPC's main route table and its default security group, whose members reach each other and everything
// outside.
func madeVPC(r *Room, t thing) []thing {
	part := func(kind, prefix string, properties map[string]any) thing {
		return thing{ID: r.identifier(t.Region, prefix, t.ID, "default"), Kind: kind, Region: t.Region, VPC: t.ID, Owner: t.ID, Ready: t.Ready, Properties: properties}
	}
	table := part(kindTable, "rtb-", map[string]any{"VpcId": t.ID})
	group := part(kindGroup, "sg-", map[string]any{"VpcId": t.ID, "GroupName": "default", "GroupDescription": "default VPC security group"})
	within := r.rule(group, kindIngress, map[string]any{"IpProtocol": "-1", "SourceSecurityGroupId": group.ID}, "0")
	outside := r.rule(group, kindEgress, map[string]any{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}, "0")
	within.Owner, outside.Owner = t.ID, t.ID
	return []thing{table, group, within, outside}
}

func busyVPC(r *Room, t thing) error {
	for _, o := range r.things.All() {
		if o.Region == t.Region && o.VPC == t.ID && !o.Gone && o.Owner == "" && o.Kind != kindBlock && o.Kind != kindIngress && o.Kind != kindEgress {
			return protocol.Errorf(dependencyViolation, "The vpc '%s' has dependencies and cannot be deleted.", t.ID)
		}
	}
	return nil
}

func attributesVPC(r *Room, t thing) map[string]any {
	out := map[string]any{"VpcId": t.ID, "CidrBlock": t.text("CidrBlock"), "Ipv6CidrBlocks": []any{},
		"CidrBlockAssociations": []any{r.identifier(t.Region, "vpc-cidr-assoc-", t.ID)},
		"DefaultNetworkAcl":     r.identifier(t.Region, "acl-", t.ID)}
	for _, o := range r.owned(t) {
		if o.Kind == kindGroup {
			out["DefaultSecurityGroup"] = o.ID
		}
	}
	return out
}

// checkInVPC checks the VPC that a thing is made in.
func checkInVPC(r *Room, t thing) error {
	if t.text("VpcId") == "" {
		return protocol.Errorf("MissingParameter", "The request must contain the parameter VpcId")
	}
	return r.need(t.Region, t.text("VpcId"), "InvalidVpcID.NotFound", "vpc ID")
}

func checkBlock(r *Room, t thing) error {
	if t.text("CidrBlock") != "" {
		if _, err := block(t.text("CidrBlock"), "InvalidVpc.Range"); err != nil {
			return err
		}
	}
	return checkInVPC(r, t)
}

func checkSubnet(r *Room, t thing) error {
	if err := checkInVPC(r, t); err != nil {
		return err
	}
	vpc, p := r.find(t.Region, t.VPC)
	if zone := t.text("AvailabilityZone"); zone != "" && !slices.Contains(Zones(t.Region), zone) && !strings.HasPrefix(zone, "dummy") {
		return protocol.Errorf("InvalidParameterValue", "Value (%s) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: %s.",
			zone, strings.Join(Zones(t.Region), ", "))
	}
	if p != here || t.text("CidrBlock") == "" || vpc.text("CidrBlock") == "" {
		return nil
	}
	own, err := block(t.text("CidrBlock"), "InvalidSubnet.Range")
	if err != nil {
		return err
	}
	ranges := []string{vpc.text("CidrBlock")}
	for _, b := range r.all(t.Region, kindBlock, func(o thing) bool { return o.VPC == vpc.ID }) {
		ranges = append(ranges, b.text("CidrBlock"))
	}
	if !slices.ContainsFunc(ranges, func(text string) bool { return covers(text, own) }) {
		return protocol.Errorf("InvalidSubnet.Range", "The CIDR '%s' is invalid.", own)
	}
	for _, other := range r.all(t.Region, kindSubnet, func(o thing) bool { return o.VPC == vpc.ID }) {
		if theirs, err := netip.ParsePrefix(other.text("CidrBlock")); err == nil && theirs.Overlaps(own) {
			return protocol.Errorf("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", own)
		}
	}
	return nil
}

// covers reports whether the range text holds all of p.
func covers(text string, p netip.Prefix) bool {
	outer, err := netip.ParsePrefix(text)
	return err == nil && outer.Bits() <= p.Bits() && outer.Contains(p.Addr())
}

func busySubnet(r *Room, t thing) error {
	if len(r.all(t.Region, kindInterface, func(o thing) bool { return o.text("SubnetId") == t.ID })) > 0 {
		return protocol.Errorf(dependencyViolation, "The subnet '%s' has dependencies and cannot be deleted.", t.ID)
	}
	return nil
}

func attributesSubnet(r *Room, t thing) map[string]any {
	zone := zoneOf(t)
	return map[string]any{"SubnetId": t.ID, "VpcId": t.VPC, "CidrBlock": t.text("CidrBlock"), "AvailabilityZone": zone,
		"AvailabilityZoneId": ZoneID(zone), "Ipv6CidrBlocks": []any{}, "OutpostArn": "",
		"NetworkAclAssociationId": r.identifier(t.Region, "aclassoc-", t.ID)}
}

// zoneOf is the zone of a subnet; AWS chooses one where the template names none.
func zoneOf(t thing) string {
	if zone := t.text("AvailabilityZone"); zone != "" {
		return zone
	}
	return Zones(t.Region)[0]
}
