package ec2

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/tokendocker/tokendocker/cmd/tokendocker/internal/engine/protocol"
)

// listing is a call that describes things of one kind.
type listing struct {
	kind    string
	ids     string // parameter with identifiers
	code    string // of the error about an identifier that there is not
	what    string // the thing in that error
	answer  string // name of the list in the answer
	filters map[string]func(*Room, thing) []string
	item    func(*Room, thing) any
}

// listings returns the calls that describe things.
// Source: Amazon EC2 API Reference, the calls' filters and their elements, and "Error codes".
func listings() map[string]listing {
	return map[string]listing{
		"DescribeVpcs": {kindVPC, "VpcId", "InvalidVpcID.NotFound", "vpc ID", "vpcSet",
			map[string]func(*Room, thing) []string{"cidr": property("CidrBlock"), "vpc-id": own, "is-default": isDefault, "isDefault": isDefault}, (*Room).vpcItem},
		"DescribeSubnets": {kindSubnet, "SubnetId", "InvalidSubnetID.NotFound", "subnet ID", "subnetSet",
			map[string]func(*Room, thing) []string{"subnet-id": own, "cidr-block": property("CidrBlock"),
				"map-public-ip-on-launch": func(_ *Room, t thing) []string { return []string{strconv.FormatBool(t.flag("MapPublicIpOnLaunch"))} },
				"availability-zone":       func(_ *Room, t thing) []string { return []string{zoneOf(t)} }}, (*Room).subnetItem},
		"DescribeSecurityGroups": {kindGroup, "GroupId", "InvalidGroup.NotFound", "security group", "securityGroupInfo",
			map[string]func(*Room, thing) []string{"group-id": own, "group-name": property("GroupName")}, (*Room).groupItem},
		"DescribeRouteTables": {kindTable, "RouteTableId", "InvalidRouteTableID.NotFound", "routeTable ID", "routeTableSet",
			map[string]func(*Room, thing) []string{"route-table-id": own, "association.subnet-id": associated}, (*Room).tableItem},
		"DescribeInternetGateways": {kindInternet, "InternetGatewayId", "InvalidInternetGatewayID.NotFound", "internetGateway ID", "internetGatewaySet",
			map[string]func(*Room, thing) []string{"internet-gateway-id": own, "attachment.vpc-id": attachedTo}, (*Room).internetItem},
		"DescribeNatGateways": {kindNAT, "NatGatewayId", "NatGatewayNotFound", "Nat Gateway", "natGatewaySet",
			map[string]func(*Room, thing) []string{"nat-gateway-id": own, "subnet-id": property("SubnetId"),
				"state": func(r *Room, t thing) []string { return []string{r.state(t)} }}, (*Room).natItem},
		"DescribeNetworkInterfaces": {kindInterface, "NetworkInterfaceId", "InvalidNetworkInterfaceID.NotFound", "networkInterface ID", "networkInterfaceSet",
			map[string]func(*Room, thing) []string{"network-interface-id": own, "subnet-id": property("SubnetId"), "group-id": property("GroupSet")},
			(*Room).interfaceItem},
		"DescribeVpcEndpoints": {kindEndpoint, "VpcEndpointId", "InvalidVpcEndpointId.NotFound", "Vpc Endpoint Id", "vpcEndpointSet",
			map[string]func(*Room, thing) []string{"vpc-endpoint-id": own, "service-name": property("ServiceName")}, (*Room).endpointItem},
	}
}

func own(_ *Room, t thing) []string { return []string{t.ID} }

func property(name string) func(*Room, thing) []string {
	return func(_ *Room, t thing) []string { return append(t.texts(name), t.text(name)) }
}

// associated are the subnets that a route table is set for.
func associated(r *Room, t thing) []string {
	var out []string
	for _, a := range r.all(t.Region, kindAssociation, func(o thing) bool { return o.text("RouteTableId") == t.ID }) {
		out = append(out, a.text("SubnetId"))
	}
	return out
}

// attachedTo is the VPC that an internet gateway is attached to.
func attachedTo(r *Room, t thing) []string {
	var out []string
	for _, a := range r.all(t.Region, kindAttachment, func(o thing) bool { return o.text("InternetGatewayId") == t.ID }) {
		out = append(out, a.text("VpcId"))
	}
	return out
}

// describe does the call. Every region has its default VPC, which is made when somebody first looks.
func (l listing) describe(r *Room, call *protocol.Call) (any, error) {
	if err := r.makeDefault(call.Region); err != nil {
		return nil, err
	}
	ids := listed(call.Form, l.ids)
	for _, id := range ids {
		if t, p := r.find(call.Region, id); p != here || t.Kind != l.kind {
			return nil, protocol.Errorf(l.code, "The %s '%s' does not exist", l.what, id)
		}
	}
	match, err := l.matcher(call.Form)
	if err != nil {
		return nil, err
	}
	out := set{name: l.answer}
	for _, t := range r.all(call.Region, l.kind, func(o thing) bool { return len(ids) == 0 || slices.Contains(ids, o.ID) }) {
		if match(r, t) {
			out.items = append(out.items, l.item(r, t))
		}
	}
	return out, nil
}

// matcher reads a call's filters, all of which must let a thing through.
func (l listing) matcher(form url.Values) (func(*Room, thing) bool, error) {
	type filter struct {
		values func(*Room, thing) []string
		wanted []string
	}
	var filters []filter
	for n := 1; form.Has("Filter." + strconv.Itoa(n) + ".Name"); n++ {
		at := "Filter." + strconv.Itoa(n)
		name := form.Get(at + ".Name")
		values, known := l.filters[name]
		key, tagged := strings.CutPrefix(name, "tag:")
		switch {
		case known:
		case tagged:
			values = func(_ *Room, t thing) []string { return t.tagged(key) }
		case name == "tag-key":
			values = func(_ *Room, t thing) []string { return t.tagKeys() }
		case name == "vpc-id":
			values = func(_ *Room, t thing) []string { return []string{t.VPC} }
		default:
			return nil, protocol.Errorf("InvalidParameterValue", "The filter '%s' is invalid: tokendocker does not have it", name)
		}
		filters = append(filters, filter{values, listed(form, at+".Value")})
	}
	fits := func(f filter, value string) bool {
		return slices.ContainsFunc(f.wanted, func(pattern string) bool { return matches(pattern, value) })
	}
	return func(r *Room, t thing) bool {
		return !slices.ContainsFunc(filters, func(f filter) bool {
			return !slices.ContainsFunc(f.values(r, t), func(v string) bool { return fits(f, v) })
		})
	}, nil
}

// matches compares a text with a filter's value, in which * stands for any text, ? for one character, and a backslash
// takes that meaning from the character after it.
// Source: Amazon EC2 User Guide, "Find your Amazon EC2 resources", filter considerations.
func matches(pattern, text string) bool {
	star, mark := -1, 0 // of the last *, and where the text goes on after it
	p, t := 0, 0
	for t < len(text) {
		switch rest := pattern[p:]; {
		case strings.HasPrefix(rest, "*"):
			star, mark = p, t
			p++
		case len(rest) > 1 && rest[0] == '\\' && rest[1] == text[t]:
			p, t = p+2, t+1
		case rest != "" && rest[0] != '\\' && (rest[0] == '?' || rest[0] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
