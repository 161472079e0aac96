package ec2

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// ruleProperties are those of a rule that say what it allows; a change of any makes another rule.
var ruleProperties = []string{
	"CidrIp", "CidrIpv6", "DestinationPrefixListId", "DestinationSecurityGroupId", "FromPort", "GroupId", "GroupName", "IpProtocol",
	"SourcePrefixListId", "SourceSecurityGroupId", "SourceSecurityGroupName", "SourceSecurityGroupOwnerId", "ToPort",
}

func checkGroup(r *Room, t thing) error {
	if t.text("VpcId") == "" {
		return protocol.Errorf("VPCIdNotSpecified", "No default VPC for this user")
	}
	if err := checkInVPC(r, t); err != nil {
		return err
	}
	name := t.text("GroupName")
	if name != "" && len(r.all(t.Region, kindGroup, func(o thing) bool { return o.VPC == t.VPC && o.text("GroupName") == name })) > 0 {
		return protocol.Errorf("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", name, t.VPC)
	}
	return nil
}

// madeGroup are the rules that stand in the group's own template entry. A group without rules for what goes out lets
// everything out.
// Source: AWS CloudFormation Template Reference, AWS::EC2::SecurityGroup.
func madeGroup(r *Room, t thing) []thing {
	var out []thing
	for kind, name := range map[string]string{kindIngress: "SecurityGroupIngress", kindEgress: "SecurityGroupEgress"} {
		rules, _ := t.Properties[name].([]any)
		if kind == kindEgress && len(rules) == 0 {
			rules = []any{map[string]any{"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}}
		}
		for i, rule := range rules {
			if properties, ok := rule.(map[string]any); ok {
				made := r.rule(t, kind, properties, strconv.Itoa(i))
				made.Owner = t.ID
				out = append(out, made)
			}
		}
	}
	return out
}

// rule is a rule of a group.
func (r *Room) rule(group thing, kind string, properties map[string]any, seed string) thing {
	properties = map[string]any{"GroupId": group.ID, "IpProtocol": properties["IpProtocol"], "FromPort": properties["FromPort"],
		"ToPort": properties["ToPort"], "CidrIp": properties["CidrIp"], "CidrIpv6": properties["CidrIpv6"], "Description": properties["Description"],
		"SourceSecurityGroupId": properties["SourceSecurityGroupId"], "DestinationSecurityGroupId": properties["DestinationSecurityGroupId"],
		"SourcePrefixListId": properties["SourcePrefixListId"], "DestinationPrefixListId": properties["DestinationPrefixListId"]}
	return thing{ID: r.identifier(group.Region, "sgr-", group.ID, kind, seed), Kind: kind, Region: group.Region, VPC: group.VPC,
		Ready: group.Ready, Properties: properties}
}

func checkRule(r *Room, t thing) error {
	if err := r.need(t.Region, t.text("GroupId"), "InvalidGroup.NotFound", "security group"); err != nil {
		return err
	}
	if slices.ContainsFunc(r.rules(t.Region, t.Kind, t.text("GroupId")), func(o thing) bool { return sameRule(o, t) }) {
		return protocol.Errorf("InvalidPermission.Duplicate", "the specified rule \"peer: %s, %s\" already exists", peer(t), t.text("IpProtocol"))
	}
	return nil
}

// rules returns a group's rules in one direction.
func (r *Room) rules(region, kind, group string) []thing {
	return r.all(region, kind, func(o thing) bool { return o.text("GroupId") == group })
}

// peer is the other side of a rule.
func peer(t thing) string {
	return cmp.Or(t.text("CidrIp"), t.text("CidrIpv6"), t.text("SourceSecurityGroupId"), t.text("DestinationSecurityGroupId"),
		t.text("SourcePrefixListId"), t.text("DestinationPrefixListId"))
}

// sameRule compares what two rules allow.
func sameRule(a, b thing) bool {
	port := func(t thing, name string) string {
		if t.text("IpProtocol") == "-1" || t.text(name) == "-1" {
			return ""
		}
		return t.text(name)
	}
	return a.text("IpProtocol") == b.text("IpProtocol") && peer(a) == peer(b) &&
		port(a, "FromPort") == port(b, "FromPort") && port(a, "ToPort") == port(b, "ToPort")
}

// busyGroup keeps a group that an interface has, or that a rule of another group names.
func busyGroup(r *Room, t thing) error {
	used := r.all(t.Region, kindInterface, func(o thing) bool { return slices.Contains(o.texts("GroupSet"), t.ID) })
	names := func(o thing) bool { return peer(o) == t.ID && o.text("GroupId") != t.ID }
	used = append(append(used, r.all(t.Region, kindIngress, names)...), r.all(t.Region, kindEgress, names)...)
	if len(used) > 0 {
		return protocol.Errorf(dependencyViolation, "resource %s has a dependent object", t.ID)
	}
	return nil
}

// https is the port of AWS's interfaces.
const https = 443

// permits reports whether one of the groups lets HTTPS through to or from a peer: a range, or one of groups.
func (r *Room) permits(region, kind string, groups []string, other netip.Prefix, others []string) bool {
	for _, group := range groups {
		if _, p := r.find(region, group); p == foreign {
			return true
		}
		for _, rule := range r.rules(region, kind, group) {
			to := peer(rule)
			switch {
			case !webRule(rule):
			case covers(to, other), slices.Contains(others, to), rule.text("DestinationPrefixListId") != "", rule.text("SourcePrefixListId") != "":
				return true
			}
		}
	}
	return false
}

// webRule reports whether a rule is about HTTPS.
func webRule(t thing) bool {
	protocol := t.text("IpProtocol")
	if protocol == "-1" {
		return true
	}
	from, err := strconv.Atoi(t.text("FromPort"))
	to, err2 := strconv.Atoi(t.text("ToPort"))
	return (protocol == "tcp" || protocol == "6") && err == nil && err2 == nil && (from <= https && https <= to || from == -1)
}
