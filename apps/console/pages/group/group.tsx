import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link, useNavigate, useParams } from "@tanstack/react-router";
import { Archive } from "lucide-react";
import { useState } from "react";
import { archiveGroup, getGroup, listGroups } from "../../api/gen/client.ts";
import { paths } from "../../app/paths.ts";
import { useCan } from "../../app/session.ts";
import { BackLink } from "../../ui/back-link.tsx";
import { Button, buttonClass } from "../../ui/button.tsx";
import { Confirm } from "../../ui/confirm.tsx";
import { Badge, Loading, PageHeader } from "../../ui/page-parts.tsx";
import { ProblemNote } from "../../ui/problem-note.tsx";
import { Section } from "../../ui/section.tsx";
import { toast } from "../../ui/toast.tsx";
import { GroupSettings } from "./group-settings.tsx";
import type { Group } from "./group-type.ts";
import { Members } from "./members.tsx";
import { Permissions } from "./permissions.tsx";
import { useGroupTexts } from "./texts.ts";

/** One group: who is in it, what stands below it, and what it gives its members. */
export function Page() {
  const t = useGroupTexts();
  const cache = useQueryClient();
  const { id = "" } = useParams({ strict: false }) as { readonly id?: string };
  const found = useQuery({ queryKey: ["group", id], queryFn: ({ signal }) => getGroup({ path: { id } }, { signal }) });
  const group = found.data;
  const refresh = async () => {
    await Promise.all([
      cache.invalidateQueries({ queryKey: ["group", id] }),
      cache.invalidateQueries({ queryKey: ["list", "groups"] }),
    ]);
  };
  return (
    <>
      <BackLink to={paths.groups()} text={t("back")} />
      <PageHeader
        title={group?.name ?? t("group")}
        description={group?.description}
        actions={
          group &&
          (group.status === "archived" ? (
            <Badge>{t("archived")}</Badge>
          ) : (
            <ArchiveButton group={group} refresh={refresh} />
          ))
        }
      />
      {found.error && !group ? (
        <ProblemNote problem={found.error} onRetry={() => void found.refetch()} />
      ) : !group ? (
        <Loading />
      ) : (
        <div className="grid gap-5">
          <Members group={group} onChanged={refresh} />
          <Around group={group} />
          <Permissions key={`permissions ${group.version}`} group={group} onChanged={refresh} />
          <GroupSettings key={group.version} group={group} onChanged={refresh} />
        </div>
      )}
    </>
  );
}

function ArchiveButton({ group, refresh }: { readonly group: Group; readonly refresh: () => Promise<void> }) {
  const t = useGroupTexts();
  const navigate = useNavigate();
  const [isAsking, setAsking] = useState(false);
  const { id, name, version } = group;
  const archive = async () => {
    await archiveGroup({ path: { id }, header: { "If-Match": `"${version}"` } });
    await refresh();
    toast(t("wasArchived", { name }));
    await navigate({ to: paths.groups() } as never);
  };
  if (!useCan()("group:delete")) return null;
  return (
    <>
      <Button look="danger" onClick={() => setAsking(true)}>
        <Archive aria-hidden className="size-4" />
        {t("archive")}
      </Button>
      <Confirm
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        title={t("archiveTitle", { name })}
        losses={[t("archiveLoss1", { count: group.member_count }), t("archiveLoss2"), t("archiveLoss3")]}
        act={t("archive")}
        onConfirm={archive}
      />
    </>
  );
}

/** What stands above and below. */
function Around({ group }: { readonly group: Group }) {
  const t = useGroupTexts();
  const { id, parent_id } = group;
  const parent = useQuery({
    queryKey: ["group", parent_id],
    queryFn: ({ signal }) => getGroup({ path: { id: parent_id ?? "" } }, { signal }),
    enabled: parent_id !== null,
    retry: false,
  });
  const below = useQuery({
    queryKey: ["list", "groups", "below", id],
    queryFn: ({ signal }) => listGroups({ query: { parent: id, status: "active", limit: 200 } }, { signal }),
  });
  const links = [...(parent.data ? [parent.data] : [])];
  const children = below.data?.data ?? [];
  if (links.length === 0 && children.length === 0) return null;
  return (
    <Section title={t("around")}>
      <dl className="grid gap-3 sm:grid-cols-2">
        {links.length > 0 && <Named name={t("above")} groups={links} />}
        {children.length > 0 && <Named name={t("below")} groups={children} />}
      </dl>
    </Section>
  );
}

function Named({ name, groups }: { readonly name: string; readonly groups: readonly Group[] }) {
  return (
    <div>
      <dt className="mb-1.5 text-xs font-medium text-ink-soft">{name}</dt>
      <dd className="flex flex-wrap gap-2">
        {groups.map((group) => (
          <Link key={group.id} to={paths.group(group.id)} className={buttonClass("secondary", "small")}>
            {group.name}
          </Link>
        ))}
      </dd>
    </div>
  );
}
