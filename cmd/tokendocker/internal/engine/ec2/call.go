package ec2

import (
	"cmp"
	"encoding/xml"
	"net/url"
	"slices"
	"strconv"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// operation does one call. The room's lock is held.
type operation func(*Room, *protocol.Call) (any, error)

// operations returns the part of the API that there is: what looks at networks, and the rules that CDK's own function
// changes in default security groups.
func operations() map[string]operation {
	out := map[string]operation{
		"DescribeAvailabilityZones":     (*Room).describeZones,
		"DescribeImages":                (*Room).describeImages,
		"DescribeVpcEndpointServices":   (*Room).describeOffers,
		"DescribeVpnGateways":           noVPN, // the CDK's look-up of a VPC asks for them
		"AuthorizeSecurityGroupIngress": authorize(kindIngress),
		"AuthorizeSecurityGroupEgress":  authorize(kindEgress),
		"RevokeSecurityGroupIngress":    revoke(kindIngress),
		"RevokeSecurityGroupEgress":     revoke(kindEgress),
	}
	for name, l := range listings() {
		out[name] = l.describe
	}
	return out
}

// set is an answer that is one list.
type set struct {
	name  string
	items []any
}

// MarshalXML writes the list as the EC2 query protocol has it.
func (s set) MarshalXML(e *xml.Encoder, start xml.StartElement) error {
	list := xml.StartElement{Name: xml.Name{Local: s.name}}
	for _, token := range []xml.Token{start, list} {
		if err := e.EncodeToken(token); err != nil {
			return err
		}
	}
	for _, item := range s.items {
		if err := e.EncodeElement(item, xml.StartElement{Name: xml.Name{Local: "item"}}); err != nil {
			return err
		}
	}
	for _, token := range []xml.Token{list.End(), start.End()} {
		if err := e.EncodeToken(token); err != nil {
			return err
		}
	}
	return nil
}

// listed returns the values of a list of a call: NAME.1, NAME.2 and so on.
func listed(form url.Values, name string) []string {
	var out []string
	for n := 1; form.Has(name + "." + strconv.Itoa(n)); n++ {
		out = append(out, form.Get(name+"."+strconv.Itoa(n)))
	}
	return out
}

// zoneAnswer is an AvailabilityZone of the API.
type zoneAnswer struct {
	ZoneName   string `xml:"zoneName"`
	ZoneID     string `xml:"zoneId"`
	ZoneType   string `xml:"zoneType"`
	State      string `xml:"zoneState"`
	RegionName string `xml:"regionName"`
}

func (r *Room) describeZones(call *protocol.Call) (any, error) {
	out := set{name: "availabilityZoneInfo"}
	for _, zone := range Zones(call.Region) {
		out.items = append(out.items, zoneAnswer{zone, ZoneID(zone), "availability-zone", "available", call.Region})
	}
	return out, nil
}

func noVPN(*Room, *protocol.Call) (any, error) { return set{name: "vpnGatewaySet"}, nil }

// done is the answer of a call that has nothing to say.
type done struct {
	Return bool `xml:"return"`
}

// authorize adds rules to a security group.
// Source: Amazon EC2 API Reference, AuthorizeSecurityGroupIngress.
func authorize(kind string) operation {
	return func(r *Room, call *protocol.Call) (any, error) {
		group, rules, err := r.named(call, kind)
		if err != nil {
			return nil, err
		}
		for _, rule := range rules {
			if err := checkRule(r, rule); err != nil {
				return nil, err
			}
			rule.Owner = cmp.Or(group.Owner, group.ID)
			if err := r.put(rule); err != nil {
				return nil, err
			}
		}
		return done{true}, nil
	}
}

// revoke takes rules from a security group.
// Source: Amazon EC2 API Reference, RevokeSecurityGroupIngress.
func revoke(kind string) operation {
	return func(r *Room, call *protocol.Call) (any, error) {
		group, rules, err := r.named(call, kind)
		if err != nil {
			return nil, err
		}
		for _, rule := range rules {
			have := r.rules(call.Region, kind, group.ID)
			i := slices.IndexFunc(have, func(o thing) bool { return sameRule(o, rule) })
			if i < 0 {
				return nil, protocol.Errorf("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
			}
			have[i].Gone = true
			if err := r.put(have[i]); err != nil {
				return nil, err
			}
		}
		return done{true}, nil
	}
}

// named returns the security group that a call is about, and the rules that it names, each with one peer.
// Source: Amazon EC2 API Reference, IpPermission.
func (r *Room) named(call *protocol.Call, kind string) (thing, []thing, error) {
	id := call.Form.Get("GroupId")
	group, p := r.find(call.Region, id)
	if p != here || group.Kind != kindGroup {
		return group, nil, protocol.Errorf("InvalidGroup.NotFound", "The security group '%s' does not exist", id)
	}
	member := "SourceSecurityGroupId"
	if kind == kindEgress {
		member = "DestinationSecurityGroupId"
	}
	var rules []thing
	for n := 1; call.Form.Has("IpPermissions." + strconv.Itoa(n) + ".IpProtocol"); n++ {
		at := "IpPermissions." + strconv.Itoa(n) + "."
		for _, peers := range []struct{ list, field, property string }{
			{"IpRanges", "CidrIp", "CidrIp"}, {"Ipv6Ranges", "CidrIpv6", "CidrIpv6"}, {"Groups", "GroupId", member},
		} {
			for m := 1; call.Form.Has(at + peers.list + "." + strconv.Itoa(m) + "." + peers.field); m++ {
				other := call.Form.Get(at + peers.list + "." + strconv.Itoa(m) + "." + peers.field)
				rules = append(rules, r.rule(group, kind, map[string]any{peers.property: other, "IpProtocol": call.Form.Get(at + "IpProtocol"),
					"FromPort": call.Form.Get(at + "FromPort"), "ToPort": call.Form.Get(at + "ToPort")}, at+other))
			}
		}
	}
	if len(rules) == 0 {
		return group, nil, protocol.Errorf("MissingParameter", "The request must contain the parameter IpPermissions with ranges or groups; tokendocker reads no other form")
	}
	return group, rules, nil
}
