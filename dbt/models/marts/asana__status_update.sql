{#- Status updates of projects, portfolios and goals that are there. -#}
with updates as (
  {%- for kind in ['project', 'portfolio', 'goal'] %}
  select
    gid as status_update_id,
    '{{ kind }}' as parent_type,
    parent_id,
    title,
    status_text,
    status_type,
    coalesce({{ asana_airbyte.json_text('created_by', 'gid') }}, {{ asana_airbyte.json_text('author', 'gid') }}) as created_by_id,
    created_at,
    modified_at,
    num_likes,
    synced_at
  from {{ ref('stg_asana__' ~ kind ~ '_status_update') }}
  where {{ asana_airbyte.is_known('parent_id', 'stg_asana__' ~ kind, 'gid', [kind ~ 's']) }}
  {{ 'union all' if not loop.last }}
  {%- endfor %}
)

select
  status_update_id,
  parent_type,
  parent_id,
  title,
  status_text as text,
  status_type,
  created_by_id,
  created_at,
  modified_at,
  num_likes,
  (row_number() over (partition by parent_id order by created_at desc, status_update_id desc) = 1) as is_newest,
  synced_at
from updates
