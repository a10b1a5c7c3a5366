with numbers as (
  select
    tagged.tag_id,
    {{- asana_airbyte.task_number_sums() }}
  from {{ ref('asana__task_tag') }} as tagged
  inner join {{ ref('asana__task') }} as tasks on tasks.task_id = tagged.task_id
  group by tagged.tag_id
)

select
  tags.gid as tag_id,
  tags.name,
  tags.color,
  tags.notes,
  {{ asana_airbyte.json_text('tags.workspace', 'gid') }} as workspace_id,
  tags.created_at,
  tags.permalink_url,
  {{- asana_airbyte.task_number_columns() }}
  tags.synced_at
from {{ ref('stg_asana__tag') }} as tags
left join numbers on numbers.tag_id = tags.gid
